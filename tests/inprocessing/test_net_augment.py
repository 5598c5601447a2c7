from __future__ import annotations

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from networks import SmallCNN, biased_rows, images  # noqa: E402

from skfair.inprocessing import (  # noqa: E402
    AdversarialDebiasedClassifier,
    FairNetClassifier,
    GroupDROClassifier,
)
from skfair.vision import TargetedAugmenter  # noqa: E402

KINDS = [FairNetClassifier, AdversarialDebiasedClassifier, GroupDROClassifier]
FAST = {"module": SmallCNN, "max_epochs": 2, "batch_size": 32, "random_state": 0, "device": "cpu"}


class Recorder:
    """Keeps what it is given; changes nothing."""

    def __init__(self):
        self.seen = []

    def __call__(self, batch):
        self.seen.append(batch.clone())
        return batch


def data(n=96):
    X, y, groups = images(n)
    return np.asarray(X, dtype=np.float32), y, groups


def fit(kind=FairNetClassifier, rows=None, **options):
    X, y, groups = data() if rows is None else rows
    return kind(**{**FAST, **options}).fit(X, y, sensitive_features=groups)


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.net_.module_.parameters()]).numpy()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sampling", [None, "group_label"])
def test_what_changes_nothing_changes_nothing(kind, sampling):
    options = {"kind": kind, "batch_sampling": sampling}
    plain = weights(fit(**options))
    assert_array_equal(weights(fit(**options, augment=lambda batch: batch)), plain)
    assert_array_equal(weights(fit(**options, augment=TargetedAugmenter(operations={}))), plain)


@pytest.mark.parametrize("kind", KINDS)
def test_batches_are_changed_by_the_random_state_alone(kind):
    options = {
        "kind": kind,
        "augment": TargetedAugmenter(size=3.5),
        "batch_sampling": "group_label",
    }
    before, state = data(), torch.get_rng_state()
    rows = data()
    first = weights(fit(**options, rows=rows))
    assert_array_equal(weights(fit(**options)), first)
    assert (weights(fit(**options, random_state=1)) != first).any()
    assert (weights(fit(kind, batch_sampling="group_label")) != first).any()
    assert_array_equal(rows[0], before[0])
    assert torch.equal(torch.get_rng_state(), state)


def test_a_callable_may_draw():
    noise = lambda batch: batch + 0.1 * torch.randn_like(batch)  # noqa: E731
    first = weights(fit(augment=noise))
    assert_array_equal(weights(fit(augment=noise)), first)
    assert (weights(fit()) != first).any()


@pytest.mark.parametrize("kind", KINDS)
def test_only_training_batches_are_changed(kind):
    recorder = Recorder()
    model = fit(
        kind, augment=recorder, batch_sampling=None, early_stopping=True, validation_fraction=0.25
    )
    assert [len(batch) for batch in recorder.seen] == [24, 24, 24] * 2
    seen = len(recorder.seen)
    X, y, groups = data()
    model.predict_proba(X)
    model.score(X, y)
    assert len(recorder.seen) == seen
    model.partial_fit(X, y, sensitive_features=groups)
    assert len(recorder.seen) == seen + 3


def test_validation_loss_is_that_of_images_as_they_are():
    black = lambda batch: torch.zeros_like(batch)  # noqa: E731
    options = {"early_stopping": True, "validation_fraction": 0.25, "lr": 1e-12, "strength": 0}
    plain, dark = (fit(augment=change, **options).history_ for change in (None, black))
    np.testing.assert_allclose(plain["valid_loss"], dark["valid_loss"], rtol=1e-6)
    assert (plain["train_loss"] != dark["train_loss"]).any()


def test_cells_are_told_apart_by_labels_and_groups():
    X, y, groups = data()
    X = np.full_like(X, 0.5)
    seen = []

    class Spy(TargetedAugmenter):
        def for_batches(self, *rows, **names):
            change = super().for_batches(*rows, **names)

            def augment(batch, y, codes, seed):
                found = change(batch, y, codes, seed)
                seen.append((found[:, 0, 0, 0].numpy(), y.numpy(), codes.numpy(), names))
                return found

            return augment

    name, label = np.unique(groups)[0], np.unique(y)[1]
    light = {(name, label): {"brightness": (0.25, 0.25)}, (None, None): {}}
    spy = Spy(strategy="keep", size=1e6, operations=light)  # all but one in many are copies
    fit(rows=(X, y, groups), augment=spy)
    assert len(seen) == 6
    for found, labels, codes, names in seen:
        assert list(names["classes"]) == np.unique(y).tolist()
        lit = (labels == 1) & (codes == list(names["groups"]).index(name))
        assert_array_equal(found, np.where(lit, 0.75, 0.5))


def test_images_of_bytes_have_been_divided():
    X, y, groups = data()
    recorder = Recorder()
    of_bytes = (np.clip(X, 0, 1) * 255).astype(np.uint8)
    fit(rows=(of_bytes, y, groups), augment=recorder)
    assert max(float(batch.max()) for batch in recorder.seen) <= 1
    fit(rows=(of_bytes, y, groups), augment=TargetedAugmenter(operations={"brightness": 0.1}))


def test_warm_starts_draw_anew():
    recorder = Recorder()
    X, y, groups = data()

    class Kept(TargetedAugmenter):
        def for_batches(self, *rows, **names):
            change = super().for_batches(*rows, **names)
            return lambda batch, y, codes, seed: recorder(change(batch, y, codes, seed))

    X = np.full_like(X, 0.5)
    model = FairNetClassifier(
        **{**FAST, "max_epochs": 1},
        warm_start=True,
        augment=Kept(size=1e6, operations={"brightness": 0.3}),
    )
    for _ in range(2):
        model.fit(X, y, sensitive_features=groups)
    first, second = torch.cat(recorder.seen).flatten(1)[:, 0].view(2, -1)
    assert first.unique().numel() > 50
    assert not torch.isin(first, second).any()


@pytest.mark.parametrize("kind", KINDS)
def test_parameters_copies_and_files(kind, tmp_path):
    pytest.importorskip("safetensors")
    X, _, _ = rows = data()
    augmenter = TargetedAugmenter(operations={"rotate": 5})
    model = fit(kind, rows, augment=augmenter)
    assert model.get_params()["augment__operations"] == {"rotate": 5}
    assert clone(model).augment is not augmenter
    expected = model.predict_proba(X)
    assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), expected)
    model.save(tmp_path / "model")
    again = kind.load(tmp_path / "model", module=SmallCNN)
    assert again.augment is None
    assert_array_equal(again.predict_proba(X), expected)
    given = kind.load(tmp_path / "model", module=SmallCNN, augment=augmenter)
    assert given.augment is augmenter
    given.partial_fit(*rows[:2], sensitive_features=rows[2])


def test_a_fitted_net_holds_no_callable():
    model = fit(augment=lambda batch: batch)
    assert model.net_.augment is None
    pickle.dumps(model.net_)


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        (TargetedAugmenter, "an instance"),
        ("rotate", "callable of a batch"),
        (TargetedAugmenter(operations={"turn": 1}), "unknown"),
        (TargetedAugmenter(operations={"x": {"rotate": 1}}), r"operations name \['x'\]"),
        (TargetedAugmenter(size=3), "size=3 is less than the 96 images"),
        (lambda batch: batch[:, :1, :2], "tensor of the batch's shape"),
        (lambda batch: batch.numpy(), "tensor of the batch's shape"),
    ],
)
def test_what_cannot_change_batches_is_refused(augment, message):
    with pytest.raises(ValueError, match=message):
        fit(augment=augment)


def test_tables_are_refused():
    X, y, _ = biased_rows(60)
    model = FairNetClassifier(sensitive_features="sex", augment=lambda batch: batch)
    with pytest.raises(ValueError, match="augment= is for images"):
        model.fit(X, y)
    assert not hasattr(model, "net_")
