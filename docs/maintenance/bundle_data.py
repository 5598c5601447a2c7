"""Write the tables in ``skfair/datasets/data`` from UCI's raw files.

    python docs/maintenance/bundle_data.py adult.data adult.test german.data heart_disease.tab

The raw files are at https://doi.org/10.24432/C5XW20 (Adult) and
https://doi.org/10.24432/C5NC77 (Statlog, German Credit), both CC BY 4.0. heart_disease.tab is
UCI's processed.cleveland.data (https://doi.org/10.24432/C52P4X, CC BY 4.0) as Orange3 carries it
in Orange/datasets, its codes in words and its label halved into 0 and 1. What is done to them:
fields are trimmed, "?" becomes an empty field, the full stop after the labels of adult.test
goes, and the codes of german.data and heart_disease.tab are spelled out. The same files give
the same bytes (with the same zlib). The descriptions (``*.rst``) are written by hand.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

OUTPUT = Path(__file__).resolve().parents[2] / "skfair" / "datasets" / "data"

SHA256 = {
    "adult.data": "5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d",
    "adult.test": "a2a9044bc167a35b2361efbabec64e89d69ce82d9790d2980119aac5fd7e9c05",
    "heart_disease.tab": "954e44e3d93a97682b5466c7ea166e16f376f8dd93deef5855f511734e4d6224",
    "german.data": "b21f3d81db8071257d5ff1deaeba1fd4303b62712e6fcc9715c7a86202cb5871",
}

ADULT_COLUMNS = [
    "age",
    "workclass",
    "fnlwgt",
    "education",
    "education-num",
    "marital-status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "capital-gain",
    "capital-loss",
    "hours-per-week",
    "native-country",
    "income",
]

GERMAN_COLUMNS: dict[str, dict[str, str]] = {
    "checking_status": {
        "A11": "less than 0 DM",
        "A12": "0 to less than 200 DM",
        "A13": "200 DM or more, or salary paid in for a year",
        "A14": "no checking account",
    },
    "duration": {},
    "credit_history": {
        "A30": "no credits taken, or all paid back duly",
        "A31": "all credits at this bank paid back duly",
        "A32": "existing credits paid back duly till now",
        "A33": "delay in paying off in the past",
        "A34": "critical account, or other credits elsewhere",
    },
    "purpose": {
        "A40": "new car",
        "A41": "used car",
        "A42": "furniture or equipment",
        "A43": "radio or television",
        "A44": "domestic appliances",
        "A45": "repairs",
        "A46": "education",
        "A47": "vacation",
        "A48": "retraining",
        "A49": "business",
        "A410": "others",
    },
    "credit_amount": {},
    "savings": {
        "A61": "less than 100 DM",
        "A62": "100 to less than 500 DM",
        "A63": "500 to less than 1000 DM",
        "A64": "1000 DM or more",
        "A65": "unknown, or no savings account",
    },
    "employment_since": {
        "A71": "unemployed",
        "A72": "less than 1 year",
        "A73": "1 to less than 4 years",
        "A74": "4 to less than 7 years",
        "A75": "7 years or more",
    },
    "installment_rate": {},
    "personal_status": {
        "A91": "male: divorced or separated",
        "A92": "female: divorced, separated or married",
        "A93": "male: single",
        "A94": "male: married or widowed",
        "A95": "female: single",
    },
    "other_debtors": {"A101": "none", "A102": "co-applicant", "A103": "guarantor"},
    "residence_since": {},
    "property": {
        "A121": "real estate",
        "A122": "building society savings or life insurance",
        "A123": "car or other",
        "A124": "unknown, or no property",
    },
    "age": {},
    "other_installment_plans": {"A141": "bank", "A142": "stores", "A143": "none"},
    "housing": {"A151": "rent", "A152": "own", "A153": "for free"},
    "existing_credits": {},
    "job": {
        "A171": "unemployed, or unskilled non-resident",
        "A172": "unskilled resident",
        "A173": "skilled employee or official",
        "A174": "management, self-employed, highly qualified or officer",
    },
    "people_liable": {},
    "telephone": {"A191": "none", "A192": "yes, under the customer's name"},
    "foreign_worker": {"A201": "yes", "A202": "no"},
    "credit_risk": {"1": "good", "2": "bad"},
}

HEART_COLUMNS: dict[str, dict[str, str]] = {
    "age": {},
    "sex": {},
    "cp": {
        "typical ang": "typical angina",
        "atypical ang": "atypical angina",
        "non-anginal": "non-anginal pain",
        "asymptomatic": "asymptomatic",
    },
    "trestbps": {},
    "chol": {},
    "fbs": {"0": "120 mg/dl or less", "1": "above 120 mg/dl"},
    "restecg": {
        "normal": "normal",
        "ST-T abnormal": "ST-T wave abnormality",
        "left vent hypertrophy": "left ventricular hypertrophy",
    },
    "thalach": {},
    "exang": {"0": "no", "1": "yes"},
    "oldpeak": {},
    "slope": {},
    "ca": {"?": "", **{number: number for number in "0123"}},
    "thal": {
        "?": "",
        "normal": "normal",
        "fixed defect": "fixed defect",
        "reversable defect": "reversible defect",
    },
    "heart_disease": {"0": "absence", "1": "presence"},
}

Rows = list[list[str]]


def read_checked(path: Path, name: str) -> str:
    """Text of a raw file, after a look that it is the file we know."""
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256[name]:
        raise SystemExit(f"{path} is not UCI's {name}: SHA-256 is {found}")
    return content.decode("ascii")


def adult_rows(text: str) -> Iterator[list[str]]:
    """Rows of adult.data or adult.test, cleaned."""
    for line in text.splitlines():
        fields = [field.strip() for field in line.split(",")]
        if len(fields) != len(ADULT_COLUMNS):  # empty lines, and the first line of adult.test
            continue
        yield ["" if field == "?" else field.rstrip(".") for field in fields]


def german_rows(text: str) -> Iterator[list[str]]:
    """Rows of german.data, the codes spelled out."""
    for line in text.splitlines():
        fields = zip(line.split(), GERMAN_COLUMNS.values(), strict=True)
        yield [meanings[field] if meanings else field for field, meanings in fields]


def heart_rows(text: str) -> Iterator[list[str]]:
    """Rows of heart_disease.tab, whose first three lines are its header, the codes spelled out."""
    for line in text.splitlines()[3:]:
        fields = zip(line.split("\t"), HEART_COLUMNS.values(), strict=True)
        yield [meanings[field] if meanings else field for field, meanings in fields]


def write_table(path: Path, header: list[str], rows: Rows) -> None:
    """Write a compressed CSV file that depends on its contents only."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        packed.write(text.getvalue().encode("ascii"))
    print(f"{path.name}: {len(rows)} rows, {path.stat().st_size} bytes")


def main() -> None:
    """Read the raw files and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("adult_data", "adult_test", "german_data", "heart_disease_tab"):
        parser.add_argument(name, type=Path)
    paths = parser.parse_args()
    train = read_checked(paths.adult_data, "adult.data")
    test = read_checked(paths.adult_test, "adult.test")
    german = read_checked(paths.german_data, "german.data")
    heart = read_checked(paths.heart_disease_tab, "heart_disease.tab")
    write_table(OUTPUT / "adult.csv.gz", ADULT_COLUMNS, [*adult_rows(train), *adult_rows(test)])
    write_table(OUTPUT / "german.csv.gz", list(GERMAN_COLUMNS), list(german_rows(german)))
    write_table(OUTPUT / "heart.csv.gz", list(HEART_COLUMNS), list(heart_rows(heart)))


if __name__ == "__main__":
    main()
