from pathlib import Path

import pruner_gui as pg

MODELS = Path(__file__).parents[1] / "models"


def test_the_whole_job_from_python(tmp_path: Path) -> None:
    network = pg.read(MODELS / "iris.onnx")
    examples = pg.load_examples(network, [MODELS / "iris.csv"], pg.DataOptions())
    evaluator = pg.IncrementalEvaluator(examples.objective(examples.choice.metrics))
    *_, finished = pg.prune(network, pg.PruneConfig(), evaluator)
    assert isinstance(finished, pg.Finished)
    pg.write(finished.network, tmp_path / "smaller.onnx")
    assert (tmp_path / "smaller.onnx").stat().st_size < (MODELS / "iris.onnx").stat().st_size
