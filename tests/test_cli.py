import csv
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from random_networks import chain
from small_examples import classifier

from pruner_gui import cli, formats
from pruner_gui.network import Dense, Network, Node


@dataclass(frozen=True)
class Job:
    """A model and its data on the disk."""

    model: Path
    data: Path
    folder: Path

    def prune(self, *options: str) -> int:
        arguments = ["prune", str(self.model), "--data", str(self.data), "-o", str(self.folder / "out.onnx")]
        return cli.main([*arguments, *options])

    def report(self, *options: str) -> dict[str, object]:
        path = self.folder / "report.json"
        assert self.prune("--report", str(path), "--quiet", *options) == 0
        found: dict[str, object] = json.loads(path.read_text())
        return found


@pytest.fixture
def job(tmp_path: Path) -> Job:
    network, examples = classifier(rows=120)
    formats.write(network, tmp_path / "model.onnx")
    with (tmp_path / "data.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["a", "b", "c", "d", "kind"])
        assert examples.pruning.labels is not None
        for values, label in zip(examples.pruning.inputs, examples.pruning.labels, strict=True):
            rows.writerow([*values, label])
    return Job(tmp_path / "model.onnx", tmp_path / "data.csv", tmp_path)


def test_the_report_tells_the_whole_run(job: Job) -> None:
    report = job.report("--tolerance", "20%", "--metric", "cross-entropy")
    before, after = report["before"], report["after"]
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    removed = report["removed"]
    assert isinstance(removed, list)
    assert before["layers"] == [4, 8, 6, 3]
    assert before["hidden_neurons"] == 14
    assert after["hidden_neurons"] == 14 - len(removed) < 14
    assert after["parameters"] < before["parameters"]
    assert after["macs"] < before["macs"]
    assert before["bytes"] == job.model.stat().st_size
    assert after["bytes"] == (job.folder / "out.onnx").stat().st_size < before["bytes"]
    tolerance = report["tolerance"]
    assert isinstance(tolerance, dict)
    assert (tolerance["value"], tolerance["relative"]) == (20, True)
    assert tolerance["limit"] == pytest.approx(before["error"] * 1.2)
    assert after["error"] <= tolerance["limit"]
    assert removed[-1]["error"] == pytest.approx(after["error"])
    assert report["rows"] == {"pruning": 59, "holdout": 25}
    for key in ("holdout_error", "error_rate", "holdout_error_rate"):
        assert isinstance(after[key], float)
    for entry in removed:
        assert 0 <= entry["layer"] < 2
        assert 0 <= entry["neuron"] < 8


def test_onnxruntime_gives_the_reported_error(job: Job) -> None:
    report = job.report("--tolerance", "10%", "--metric", "mse", "--holdout", "0")
    with job.data.open() as file:
        rows = np.array(list(csv.reader(file))[1:], float)
    session = onnxruntime.InferenceSession(job.folder / "out.onnx")
    name = session.get_inputs()[0].name
    outputs = session.run(None, {name: rows[:, :4].astype(np.float32)})[0]
    after = report["after"]
    assert isinstance(after, dict)
    assert np.square(outputs - np.eye(3)[rows[:, 4].astype(int)]).mean() == pytest.approx(after["error"])
    assert after["holdout_error"] is None


def test_a_refit_lets_more_go_and_the_file_gives_the_reported_error(job: Job) -> None:
    options = ("--tolerance", "1%", "--metric", "mse")
    plain, refit = (job.report(*options, "--compensation", kind) for kind in ("none", "refit"))
    before, after = plain["after"], refit["after"]
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    assert refit["compensation"] == "refit"
    assert after["hidden_neurons"] < before["hidden_neurons"]
    run_again = formats.read(job.folder / "out.onnx")
    assert list(run_again.layer_sizes) == after["layers"]
    facts = refit["removed"]
    assert isinstance(facts, list)
    assert facts[-1]["error"] == pytest.approx(after["error"], rel=1e-5)  # weights are stored in float32


def test_the_table_is_on_stdout_and_progress_on_stderr(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    assert job.prune("--tolerance", "20%") == 0
    out, err = capsys.readouterr()
    assert "before" in out
    assert "hidden neurons" in out
    assert "held out" in out
    assert "out.onnx" in out
    assert "pass 1:" in err
    job.prune("--tolerance", "20%", "--quiet")
    assert capsys.readouterr().err == ""


def test_without_held_out_rows_the_table_says_so(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    job.prune("--holdout", "0")
    assert "No rows were held out" in capsys.readouterr().out


def test_a_second_file_can_be_the_held_out_rows(job: Job) -> None:
    report = job.report("--holdout-data", str(job.data))
    assert report["rows"] == {"pruning": 84, "holdout": 84}


def test_rows_can_be_capped(job: Job) -> None:
    assert job.report("--max-rows", "30")["rows"] == {"pruning": 30, "holdout": 25}


def test_several_criteria(job: Job) -> None:
    report = job.report("--metric", "mse,error-rate", "--tolerance", "20%,0")
    criteria = report["criteria"]
    assert isinstance(criteria, list)
    assert [row["metric"] for row in criteria] == ["mse", "error-rate"]
    assert criteria[1]["relative"] is False


def test_a_preset_can_be_refined(job: Job) -> None:
    options = ("--preset", "heaton-2008", "--tolerance", "0.5")
    report = job.report(*options)
    removed = report["removed"]
    assert isinstance(removed, list)
    assert report["metric"] == "rmse"
    assert {entry["layer"] for entry in removed} == {0}
    report = job.report(*options, "--layers", "1", "--metric", "mae")
    both = job.report(*options, "--layers", "0,1")["removed"]
    assert both == job.report(*options, "--layers", "0", "1")["removed"]
    removed = report["removed"]
    assert isinstance(removed, list)
    assert report["metric"] == "mae"
    assert {entry["layer"] for entry in removed} == {1}


def test_the_same_seed_gives_the_same_run(job: Job) -> None:
    first = job.report("--order", "random", "--seed", "3", "--tolerance", "20%")
    again = job.report("--order", "random", "--seed", "3", "--tolerance", "20%")
    other = job.report("--order", "random", "--seed", "4", "--tolerance", "20%")
    assert first["removed"] == again["removed"]
    assert first["removed"] != other["removed"]


def test_info(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", str(job.model), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["inputs"], facts["outputs"], facts["hidden_neurons"]) == (4, 3, 14)
    assert [layer["neurons"] for layer in facts["layers"]] == [8, 6, 3]
    assert [layer["activation"] for layer in facts["layers"]] == ["relu", "tanh", "softmax"]
    assert cli.main(["info", str(job.model)]) == 0
    assert "dead" in capsys.readouterr().out


def test_info_names_dead_and_disconnected_neurons(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = chain(np.random.default_rng(7), [3, 4, 2], ["relu"], "linear")
    first, second = (np.ones(dense.weight.shape) for _, dense in network.dense)
    first[:, 1] = 0
    second[2] = 0
    ops = {"dense0": Dense(first, np.ones(4)), "dense1": Dense(second, np.ones(2))}
    nodes = tuple(Node(node.name, ops.get(node.name, node.op), node.inputs) for node in network.nodes)
    formats.write(Network(nodes, network.outputs), tmp_path / "m.onnx")
    cli.main(["info", str(tmp_path / "m.onnx"), "--json"])
    layer = json.loads(capsys.readouterr().out)["layers"][0]
    assert (layer["dead"], layer["disconnected"]) == ([1], [2])


def test_evaluate(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["evaluate", str(job.model), "--data", str(job.data), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["rows"] == 84
    assert facts["accuracy"] == 1 - facts["error_rate"]
    assert facts["errors"]["rmse"] == pytest.approx(facts["errors"]["mse"] ** 0.5)
    assert cli.main(["evaluate", str(job.model), "--data", str(job.data), "--metric", "mae"]) == 0
    assert "mean absolute error" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["prune"],
        ["prune", "m.onnx", "--data", "d.csv", "-o", "o.onnx", "--tolerance", "much"],
        ["prune", "m.onnx", "--data", "d.csv", "-o", "o.onnx", "--holdout", "2"],
        ["prune", "m.onnx", "--data", "d.csv", "-o", "o.onnx", "--metric", "beauty"],
        ["prune", "m.onnx", "--data", "d.csv", "-o", "o.onnx", "--max-rows", "0"],
        ["--nonsense"],
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    assert stop.value.code == 2


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run what cannot be done; return the sentence."""
    assert cli.main([str(argument) for argument in arguments]) == 1
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    assert out == ""
    return err


def test_a_missing_model_is_named(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    assert "nowhere.onnx" in refused(capsys, "info", str(job.folder / "nowhere.onnx"))


def test_a_file_that_is_no_model_is_refused(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    assert "data.csv" in refused(capsys, "info", str(job.data))


def test_data_of_the_wrong_width_names_both_shapes(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = job.folder / "wrong.csv"
    wrong.write_text("1,2,3,4,5,6,7,8,9\n" * 5)
    sentence = refused(capsys, "evaluate", str(job.model), "--data", str(wrong))
    assert "9 columns" in sentence
    assert "4 inputs" in sentence
    assert "3 outputs" in sentence


def test_weights_that_are_no_numbers_are_named(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    network = formats.read(job.model)
    name, dense = network.dense[1][0].name, network.dense[1][1]
    weight = dense.weight.copy()
    weight[2, 1] = np.nan
    nodes = tuple(
        Node(node.name, Dense(weight, dense.bias) if node.name == name else node.op, node.inputs)
        for node in network.nodes
    )
    broken = Network(nodes, network.outputs, network.origin)
    formats.write(broken, job.folder / "nan.onnx")
    sentence = refused(
        capsys,
        *("prune", str(job.folder / "nan.onnx"), "--data", str(job.data)),
        *("-o", str(job.folder / "out.onnx")),
    )
    assert "2, 1" in sentence
    assert name in sentence
    assert not (job.folder / "out.onnx").exists()


def test_the_model_itself_is_not_overwritten(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    before = job.model.read_bytes()
    arguments = ["prune", str(job.model), "--data", str(job.data), "-o", str(job.model)]
    assert "another file name" in refused(capsys, *arguments)
    assert job.model.read_bytes() == before


def test_an_unknown_ending_is_refused_before_the_run(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["prune", str(job.model), "--data", str(job.data), "-o", str(job.folder / "out.xyz")]
    assert ".onnx" in refused(capsys, *arguments)


def test_a_folder_that_is_not_there_is_named(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["prune", str(job.model), "--data", str(job.data), "--quiet"]
    assert "out.onnx" in refused(capsys, *arguments, "-o", str(job.folder / "none" / "out.onnx"))


@pytest.fixture
def weights(job: Job) -> Path:
    """The job's model as weights alone."""
    path = job.folder / "weights.pth"
    formats.write(formats.read(job.model), path)
    return path


def test_weights_alone_need_their_activations_and_the_refusal_says_how(
    job: Job, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sentence = refused(capsys, "info", str(weights))
    assert "0 (4 to 8), 2 (8 to 6), 4 (6 to 3)" in sentence
    assert "--activations relu,relu,softmax" in sentence
    for command in (["info"], ["evaluate", "--data", str(job.data)]):
        verb, *options = command
        arguments = [verb, str(weights), *options, "--activations", "relu,tanh,softmax", "--json"]
        assert cli.main(arguments) == 0
    facts = json.loads(capsys.readouterr().out.split("\n}\n")[1] + "}")
    assert cli.main(["evaluate", str(job.model), "--data", str(job.data), "--json"]) == 0
    assert facts["errors"] == pytest.approx(json.loads(capsys.readouterr().out)["errors"])


@pytest.mark.parametrize(
    ("activations", "said"),
    [("relu", "3 (0, 2, 4)"), ("relu,swoosh,softmax", "swoosh"), ("relu,elu(1,2),linear", "elu(1,2)")],
)
def test_activations_that_do_not_fit_are_told(
    weights: Path, capsys: pytest.CaptureFixture[str], activations: str, said: str
) -> None:
    assert said in refused(capsys, "info", str(weights), "--activations", activations)


def test_a_model_with_its_own_activations_takes_none(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    sentence = refused(capsys, "info", str(job.model), "--activations", "relu,tanh,softmax")
    assert "Leave out --activations" in sentence


def test_after_an_export_of_weights_the_code_is_given(
    job: Job, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target, code = job.folder / "small.pth", job.folder / "load.py"
    arguments = ["prune", str(weights), "--data", str(job.data), "--activations", "relu,tanh,softmax"]
    assert cli.main([*arguments, "-o", str(target), "--tolerance", "20%"]) == 0
    printed = capsys.readouterr().out
    assert "nn.Softmax(dim=1)" in printed
    assert cli.main([*arguments, "-o", str(target), "--tolerance", "20%", "--code", str(code)]) == 0
    assert "nn.Sequential" not in capsys.readouterr().out
    assert code.read_text() in printed
    sentence = refused(capsys, *arguments, "-o", str(job.folder / "a.onnx"), "--code", str(code))
    assert "Leave out --code" in sentence


def test_the_command_line_imports_no_qt(job: Job) -> None:
    code = (
        "import sys; from pruner_gui import cli; "
        f"cli.main(['info', {str(job.model)!r}]); "
        "sys.exit(any(name.startswith(('PySide6', 'pyqtgraph', 'superqt')) for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_protected_neurons_stay_and_the_report_names_them(job: Job) -> None:
    everything = ("--tolerance", "500%", "--metric", "mse")
    assert job.report(*everything)["protected"] == []
    report = job.report(*everything, "--protect", "dense0:1,6", "--protect", "dense1:0")
    assert report["protected"] == [
        {"layer": 0, "neuron": 1},
        {"layer": 0, "neuron": 6},
        {"layer": 1, "neuron": 0},
    ]
    removed = report["removed"]
    assert isinstance(removed, list)
    gone = {(entry["layer"], entry["neuron"]) for entry in removed}
    assert gone
    assert not gone & {(0, 1), (0, 6), (1, 0)}


def test_limits_by_layer_hold_and_the_report_says_which(job: Job) -> None:
    everything = ("--tolerance", "500%", "--metric", "mse")
    assert job.report(*everything)["keep"] == []
    report = job.report(*everything, "--keep", "0:7,1:1")
    keep, after = report["keep"], report["after"]
    assert isinstance(keep, list)
    assert isinstance(after, dict)
    assert [each["left"] for each in keep] == after["layers"][1:3]
    assert keep[0] == {**keep[0], "layer": 0, "asked": "7", "least": 7, "left": 7, "reached": True}
    assert keep[1]["reached"] == (keep[1]["left"] == 1)


def test_how_much_each_layer_bears_is_written(job: Job) -> None:
    target = job.folder / "sensitivity.csv"
    asked = ["--metric", "mse,mae", "--sensitivity", str(target), "--json"]
    assert cli.main(["evaluate", str(job.model), "--data", str(job.data), *asked]) == 0
    lines = [line.split(",") for line in target.read_text("utf-8").splitlines()]
    assert lines[0] == ["layer", "removed", "neurons", "share", "mse", "mae"]
    assert len(lines) == 1 + 8 + 6
    assert lines[1][:4] == ["dense0", "0", "8", "0.0"]
    assert lines[1][4:] == lines[9][4:]  # the whole network
    assert lines[-1][:3] == ["dense1", "5", "6"]


@pytest.mark.parametrize(("wrong", "said"), [("dense0:8", "dense0:0-7"), ("nowhere:1", "dense0, dense1")])
def test_a_neuron_that_is_not_there_cannot_be_protected(
    job: Job, capsys: pytest.CaptureFixture[str], wrong: str, said: str
) -> None:
    assert job.prune("--protect", wrong) == 1
    sentence = capsys.readouterr().err
    assert wrong in sentence
    assert said in sentence
    assert not (job.folder / "out.onnx").exists()


@pytest.mark.parametrize("wrong", ["dense0", ":1", "dense0:x", "dense0:-1", "dense0:"])
def test_what_names_no_neuron_is_wrong_usage(job: Job, wrong: str) -> None:
    with pytest.raises(SystemExit) as ended:
        job.prune("--protect", wrong)
    assert ended.value.code == 2


def test_columns_gaps_and_words_are_dealt_with_as_told(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    with job.data.open() as file:
        rows = list(csv.reader(file))
    named = ("low", "mid", "top")
    lines = [[f"r{place}", *row[:4], "", named[int(row[4])]] for place, row in enumerate(rows[1:])]
    lines[5][2] = "NA"
    path = job.folder / "odd.txt"
    path.write_text("\n".join("|".join(line) for line in lines))
    asked = ["evaluate", str(job.model), "--data", str(path), "--delimiter", "|", "--no-header"]
    assert cli.main([*asked, "--ignore", "0"]) == 1
    assert "row 6, column 2" in capsys.readouterr().err
    told = ["--ignore", "0", "--missing", "drop-rows", "--classes", "low,mid,top"]
    assert cli.main([*asked, *told, "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["rows"] == len(lines) - 1
    assert "low, mid, top" in err
    assert "missing or infinite: 1" in err


@pytest.mark.parametrize(
    "wrong", [("--scale", "much"), ("--scale", "-1"), ("--missing", "guess"), ("--delimiter", "ab")]
)
def test_a_data_option_that_means_nothing_is_wrong_usage(job: Job, wrong: tuple[str, str]) -> None:
    with pytest.raises(SystemExit) as caught:
        job.prune(*wrong)
    assert caught.value.code == 2


def test_steps_follow_one_another_and_the_report_has_an_entry_for_each(job: Job) -> None:
    report = job.report("--tolerance", "10%", "--steps", "free,selective,connections")
    steps = report["steps"]
    assert isinstance(steps, list)
    assert [step["strategy"] for step in steps] == ["free", "selective", "connections"]
    assert [step["zeroed"] > 0 for step in steps] == [False, False, True]
    assert steps[2]["nonzero_connections"] == steps[1]["nonzero_connections"] - steps[2]["zeroed"]
    assert steps[1]["neurons"] == steps[2]["neurons"] == steps[2]["neurons_before"]
    after = report["after"]
    assert isinstance(after, dict)
    assert after["connections"] == steps[2]["nonzero_connections"]
    assert after["hidden_neurons"] == steps[2]["neurons"]
    written = formats.read(job.folder / "out.onnx")
    assert written.connections == steps[2]["nonzero_connections"]


def test_a_recipe_is_replayed(job: Job) -> None:
    path = job.folder / "recipe.json"
    path.write_text('{"version": 1, "steps": [{"strategy": "magnitude", "tolerances": ["50%"]}, {}]}')
    report = job.report("--recipe", str(path))
    steps = report["steps"]
    assert isinstance(steps, list)
    assert [(step["strategy"], step["tolerance"]) for step in steps] == [
        ("magnitude", "50%"),
        ("selective", "5%"),
    ]


def test_a_recipe_that_is_none_is_refused(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    path = job.folder / "recipe.json"
    path.write_text("{}")
    assert job.prune("--recipe", str(path)) == 1
    assert "version 1" in capsys.readouterr().err


def test_guard_rows_are_counted_and_choose(job: Job) -> None:
    report = job.report("--tolerance", "30%", "--guard", "0.3")
    rows, guard = report["rows"], report["guard"]
    assert isinstance(rows, dict)
    assert isinstance(guard, dict)
    assert rows["guard"] > 0
    assert 0 <= guard["kept"] <= guard["accepted"]
    removed = report["removed"]
    assert isinstance(removed, list)
    assert len(removed) == guard["kept"]


@pytest.mark.parametrize("wrong", [("--steps", "guess"), ("--guard", "1"), ("--ranking", "size")])
def test_a_step_that_means_nothing_is_wrong_usage(job: Job, wrong: tuple[str, str]) -> None:
    with pytest.raises(SystemExit) as ended:
        job.prune(*wrong)
    assert ended.value.code == 2


# -- before and after


def test_the_report_has_memory_times_answers_and_the_gap(job: Job) -> None:
    report = job.report("--tolerance", "60%", "--metric", "cross-entropy")
    before, after, latency = report["before"], report["after"], report["latency"]
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    assert isinstance(latency, dict)
    assert after["weight_bytes"] < before["weight_bytes"] == 4 * before["parameters"]
    assert after["activation_bytes"] < before["activation_bytes"]
    low, high = after["error_rate_interval"]
    assert low <= after["error_rate"] <= high
    assert latency["one"]["rows"] == 1
    assert latency["batch"]["rows"] == 59
    assert latency["one"]["after"]["median"] <= latency["one"]["after"]["p95"]
    confusion, changed, gap = report["confusion"], report["changed_predictions"], report["gap"]
    assert isinstance(confusion, dict)
    assert isinstance(changed, dict)
    assert isinstance(gap, dict)
    assert confusion["classes"] == ["0", "1", "2"]
    assert np.sum(confusion["holdout"]["after"]) == 25
    right = np.trace(np.array(confusion["pruning"]["after"])) / 59
    assert 1 - right == pytest.approx(after["error_rate"])
    for rows in changed.values():
        assert rows["count"] == len(rows["first"])
        assert all(each["before"] != each["after"] for each in rows["first"])
    assert gap["after"] == pytest.approx(after["holdout_error"] - after["error"])
    assert gap["verdict"] in ("smaller", "larger", "same")
    trajectory = report["trajectory"]
    assert isinstance(trajectory, list)
    assert [point["neurons"] for point in trajectory] == list(range(14, after["hidden_neurons"] - 1, -1))


def test_changed_predictions_are_named_by_their_lines_in_the_file(job: Job) -> None:
    text = job.data.read_text().splitlines()
    text.insert(40, ",,,,")  # a row that is left out
    job.data.write_text("\n".join(text) + "\n")
    other = job.folder / "other.csv"
    other.write_text("\n".join([text[0], "", *text[60:80]]) + "\n")
    found = job.report("--tolerance", "300%", "--missing", "drop-rows", "--holdout-data", str(other))
    session = onnxruntime.InferenceSession(job.model), onnxruntime.InferenceSession(job.folder / "out.onnx")
    for which, path in (("pruning", job.data), ("holdout", other)):
        changed = found["changed_predictions"][which]  # type: ignore[index]
        assert (changed["source"], changed["counted"]) == (path.name, "lines")
        assert changed["count"] == len(changed["first"]) > 0
        lines = path.read_text().splitlines()
        for each in changed["first"]:
            *values, truth = lines[each["row"] - 1].split(",")
            row = np.array([values], np.float32)
            told = [str(one.run(None, {one.get_inputs()[0].name: row})[0].argmax()) for one in session]
            assert [each["before"], each["after"]] == told
            assert each["true"] == truth


def test_of_arrays_the_records_are_counted(job: Job) -> None:
    rows = np.loadtxt(job.data, delimiter=",", skiprows=1)
    np.savez(job.folder / "data.npz", x=rows[:, :4], y=rows[:, 4].astype(int))
    found = Job(job.model, job.folder / "data.npz", job.folder).report("--tolerance", "300%")
    changed = found["changed_predictions"]["holdout"]  # type: ignore[index]
    assert changed["counted"] == "records"
    assert changed["first"]
    for each in changed["first"]:
        assert each["true"] == str(int(rows[each["row"] - 1, 4]))


def test_times_and_the_gap_are_in_the_table(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    assert job.prune("--tolerance", "20%") == 0
    out = capsys.readouterr().out
    assert "time, one row" in out
    assert "time, 59 rows" in out
    assert "over-fitting" in out
    assert "held-out rows" in out


def test_times_can_be_left_out(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    report = job.report("--no-latency")
    assert report["latency"] is None
    assert report["latency_reason"] == "not measured"
    assert "time, one row" not in capsys.readouterr().out


def test_without_held_out_rows_there_is_no_gap(job: Job) -> None:
    report = job.report("--holdout", "0", "--no-latency")
    assert report["gap"] is None
    changed = report["changed_predictions"]
    assert isinstance(changed, dict)
    assert changed["holdout"] is None


def test_a_page_is_written(job: Job) -> None:
    page = job.folder / "report.html"
    assert job.prune("--tolerance", "20%", "--html", str(page), "--quiet") == 0
    text = page.read_text(encoding="utf-8")
    assert "model.onnx" in text
    assert "<svg" in text
