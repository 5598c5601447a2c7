"""Sphinx's settings: `make docs` builds the site into build/docs, and a warning fails it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
os.environ.setdefault("OMP_NUM_THREADS", "1")

import reference  # noqa: E402
import sphinx_skfair  # noqa: E402

import skfair  # noqa: E402

project = "skfair"
author = "skfair developers"
copyright = "skfair developers, BSD-3-Clause"
version = release = skfair.__version__
html_title = "skfair"

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",  # the site asks nothing of other sites
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "sphinx_skfair",
]
exclude_patterns = ["examples", "maintenance", "_templates"]
templates_path = ["_templates"]
html_static_path = ["_static"]
html_css_files = ["skfair.css"]
nitpicky = False  # names of other projects are not looked up: that would need the network

myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
copybutton_prompt_text = ">>> |\\.\\.\\. |\\$ "
copybutton_prompt_is_regexp = True

autosummary_generate = True
autosummary_context = {"values": reference.values()}
autodoc_typehints = "none"  # the docstrings say types and shapes
autodoc_member_order = "bysource"
add_module_names = False
numpydoc_show_class_members = False  # the template lists them
numpydoc_xref_param_type = False

html_theme = "pydata_sphinx_theme"
html_show_sourcelink = False
html_theme_options = {
    "show_nav_level": 1,
    "navigation_depth": 3,
    "collapse_navigation": True,  # all names on all pages would be 70 MB
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {"index": [], "gallery/**": ["sidebar-nav-bs"]}
sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"/\w+\.py$",
    "within_subsection_order": "FileNameSortKey",
    "reset_argv": sphinx_skfair.Arguments(),
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "write_computation_times": False,
    "show_signature": False,
    "min_reported_time": 0,
    "image_srcset": [],
    "abort_on_example_error": True,
}
