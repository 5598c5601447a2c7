from __future__ import annotations

import math
import pickle

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from skorch.callbacks import Callback, EpochScoring, LRScheduler  # noqa: E402
from skorch.helper import predefined_split  # noqa: E402

from skfair.nn import GroupDROLoss, TableDataset, make_mlp, place_rows  # noqa: E402
from skfair.nn import batches as batches_module  # noqa: E402
from skfair.nn.nets import make_net  # noqa: E402


class Rates(Callback):
    def __init__(self):
        self.seen = []

    def on_epoch_end(self, net, **_):
        self.seen.append([group["lr"] for group in net.optimizer_.param_groups])


def rows(n=10):
    torch.manual_seed(0)
    y = torch.arange(n) % 2
    return TableDataset(torch.randn(n, 3), y, torch.zeros(n, dtype=torch.long), torch.ones(n))


def net(**options):
    torch.manual_seed(0)
    return make_net(make_mlp(3, 2, [4]), GroupDROLoss(torch.tensor([10.0])), **options)


def test_rates_fall_down_half_a_cosine_and_begin_anew():
    made = net(lr=0.5, lr_schedule="cosine", callbacks=[Rates()])
    watch = next(callback for _, callback in made.callbacks_ if isinstance(callback, Rates))
    made.max_epochs = 4
    made.partial_fit(rows())
    expected = [0.25 * (1 + math.cos(math.pi * t / 4)) for t in range(4)]
    assert [rate for (rate,) in watch.seen] == pytest.approx(expected)
    made.max_epochs = 1
    made.partial_fit(rows())
    made.max_epochs = 4
    made.partial_fit(rows())
    assert [rate for (rate,) in watch.seen[4:]] == pytest.approx([0.5, *expected])


def test_rates_stay_without_a_schedule():
    made = net(lr=0.5, callbacks=[Rates()])
    made.max_epochs = 3
    made.partial_fit(rows())
    watch = next(callback for _, callback in made.callbacks_ if isinstance(callback, Rates))
    assert watch.seen == [[0.5]] * 3


@pytest.mark.parametrize("mixed", [False, True])
def test_mixed_precision_computes_in_bfloat16_and_gives_floats(mixed):
    made = net(mixed_precision=mixed)
    seen = []
    made.module_[1].register_forward_hook(lambda *call: seen.append(call[2].dtype))
    made.max_epochs = 2
    made.partial_fit(rows())
    assert set(seen) == {torch.bfloat16 if mixed else torch.float32}
    assert made.infer(torch.ones(2, 3)).dtype == torch.float32
    assert {p.dtype for p in made.module_.parameters()} == {torch.float32}


def test_a_progress_bar_counts_epochs(capsys):
    made = net(verbose=1)
    made.max_epochs = 3
    made.partial_fit(rows())
    out, err = capsys.readouterr()
    assert "3/3" in err
    assert "train_loss" in err
    assert out == ""
    assert pickle.loads(pickle.dumps(made)).history[-1]["epoch"] == 3


@pytest.mark.parametrize("batch_size", [3, 100])
def test_the_validation_loss_is_that_of_all_rows_in_evaluation_mode(batch_size):
    torch.manual_seed(0)
    module = make_mlp(3, 2, [4], dropout=0.5)
    made = make_net(module, GroupDROLoss(torch.tensor([5.0, 5.0])), batch_size=batch_size)
    n = 10
    X, y, codes = torch.randn(n, 3), torch.arange(n) % 2, torch.arange(n) // 5
    held = TableDataset(X, y, codes, torch.rand(n) + 0.1)
    made.train_split = predefined_split(held)
    made.max_epochs = 1
    made.partial_fit(rows())
    module.eval()
    losses = torch.nn.functional.cross_entropy(module(X), y, reduction="none").detach()
    w = held.targets[2]
    worst = max(float((w * losses)[codes == g].sum() / w[codes == g].sum()) for g in (0, 1))
    assert made.history[-1]["valid_loss"] == pytest.approx(worst, rel=1e-5)


def test_weights_that_no_loss_has_seen_are_looked_at():
    made = net(lr=1e38, weight_decay=0.0, batch_size=100)
    before = [p.clone() for p in made.module_.parameters()]
    made.max_epochs = 1
    made.optimizer_.param_groups[0]["lr"] = float("inf")
    with pytest.raises(ValueError, match=r"weights are no numbers after epoch 1: lower lr"):
        made.partial_fit(rows())
    for p, old in zip(made.module_.parameters(), before, strict=True):
        assert torch.equal(p, old)


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (LRScheduler(), "pass lr_schedule=None"),
        (EpochScoring("accuracy"), "EpochScoring can't be among the callbacks"),
        ("lr", "instances of skorch's Callback, got 'lr'"),
    ],
)
def test_callbacks_without_effect_are_refused(callback, message):
    with pytest.raises(ValueError, match=message):
        net(lr_schedule="cosine", callbacks=[callback])


def test_rows_too_large_for_a_device_travel_by_batches(monkeypatch):
    X, y = torch.arange(6.0).reshape(3, 2), torch.arange(3)
    resident = place_rows("cpu", X, y)
    monkeypatch.setattr(batches_module, "_room", lambda device: 47)  # X: 24 bytes, y: 24 bytes
    travelling = place_rows("cpu", X, y)
    assert resident.device is None
    assert travelling.device == "cpu"
    places = torch.tensor([2, 0])
    for part, other in zip(travelling[places][1], resident[places][1], strict=True):
        assert torch.equal(part, other)
    assert torch.equal(travelling[places][0], resident[places][0])


def test_a_gpu_holds_half_of_what_it_has_left(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 4000))
    assert batches_module._room(torch.device("cuda", 0)) == 500
    assert batches_module._room(torch.device("cpu")) == math.inf


@pytest.mark.parametrize("by_columns", [False, True])
def test_steps_are_those_of_adamw_however_parameters_lie(by_columns):
    made = net(lr=0.1, weight_decay=0.3, batch_size=10)
    module = make_mlp(3, 2, [4])
    module.load_state_dict(made.module_.state_dict())
    if by_columns:
        made.module_.hidden_1.weight.data = made.module_.hidden_1.weight.data.t().contiguous().t()
        made = make_net(made.module_, made.criterion_, lr=0.1, weight_decay=0.3, batch_size=10)
    assert made.optimizer_.param_groups[0]["fused"] == (None if by_columns else True)
    data = rows()
    made.max_epochs = 5
    made.partial_fit(data)
    slow = torch.optim.AdamW(module.parameters(), lr=0.1, weight_decay=0.3, foreach=False)
    for _ in range(5):
        slow.zero_grad()
        torch.nn.functional.cross_entropy(module(data.X), data.targets[0]).backward()
        slow.step()
    for found, expected in zip(made.module_.parameters(), module.parameters(), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
