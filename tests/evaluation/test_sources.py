"""Files: every format gives the same numbers, columns are found by name, and each kind of bad file has its sentence."""

from __future__ import annotations

import gzip
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import lossmith as lm
from lossmith.evaluation import evaluate_file, load

P = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.5, 0.3, 0.2], [0.2, 0.2, 0.6]])
Y = np.array([0, 1, 2, 2])
TABLE = "target,p_0,p_1,p_2\n" + "".join(f"{y},{a},{b},{c}\n" for y, (a, b, c) in zip(Y, P, strict=True))


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a file of this name and content, compressed if its name says so."""

    def write_file(content: str | bytes, name: str = "preds.csv") -> Path:
        path = tmp_path / name
        data = content.encode() if isinstance(content, str) else content
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write_file


def parquet(path: Path, **columns: object) -> Path:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table(columns), path)
    return path


def in_every_format(folder: Path) -> list[Path]:
    paths = [folder / name for name in ("a.csv", "b.csv.gz", "c.tsv", "d.npz", "e.parquet", "f.parquet", "g.npz")]
    paths[0].write_text(TABLE)
    paths[1].write_bytes(gzip.compress(TABLE.encode()))
    paths[2].write_text(TABLE.replace(",", "\t"))
    np.savez(paths[3], target=Y, prediction=P)
    columns = {f"p_{i}": P[:, i] for i in range(3)}
    parquet(paths[4], target=Y, **columns)
    parquet(paths[5], target=Y, probabilities=P.tolist())
    np.savez_compressed(paths[6], target=Y[:, None], **columns)
    return paths


def test_every_format_gives_the_same(tmp_path: Path) -> None:
    expected = lm.evaluate(P, Y)
    for path in in_every_format(tmp_path):
        result = evaluate_file(path)
        assert result.source == path.name
        assert result.losses == expected.losses, path.name
        assert result.metrics == expected.metrics, path.name


@pytest.mark.parametrize("blank", ["", "\n"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_dialects(write: Callable[..., Path], end: str, blank: str) -> None:
    text = "\ufeff" + 'target;p_a;"p_b;x"\n' + blank + '"0";0.9;.1\n1; 0.2 ;8e-1\n'
    table = load(write(text.replace("\n", end)), prediction="p_*")
    assert table.prediction.tolist() == [[0.9, 0.1], [0.2, 0.8]]
    assert table.target.tolist() == [0, 1]
    assert table.class_names == ("a", "b;x")
    assert table.locate(1) == f"row 2 (line {3 + bool(blank)})"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("target;prediction\n0;0,125\n1;,75\n0;1\n1;-5,e-1\n", "Decimal commas in 'prediction': 0,125 read as 0.125;"),
        ("target\tp_0\tp_1\n0\t0,75\t0,25\n1\t1\t0\n", "Decimal commas in 'p_0', 'p_1': 0,75 read as 0.75;"),
        ('target,prediction\n1,"1,5"\n2,"2,25"\n', "Decimal commas in 'prediction': 1,5 read as 1.5;"),
    ],
)
def test_decimal_commas_are_read_and_said(write: Callable[..., Path], content: str, said: str) -> None:
    table = load(write(content))
    assert f"{said} decimal= (--decimal) says otherwise." in table.assumptions
    commas = content.replace('"', "").replace("1,1,5\n2,2,25", "1;1,5\n2;2,25").replace("target,", "target;")
    expected = load(write(commas.replace(",", ".").replace(";", ",").replace("\t", ",")))
    np.testing.assert_array_equal(table.prediction, expected.prediction)


def test_decimal_signs_can_be_said(write: Callable[..., Path]) -> None:
    path = write("target;prediction\n1;1,234\n2;2,500\n")
    with pytest.raises(lm.DataError) as found:
        load(path)
    assert str(found.value) == (
        "row 1 (line 2): column 'prediction' of preds.csv holds '1,234', which is 1.234 with a decimal comma and 1234 "
        "without; say which with decimal=',' or decimal='.' (--decimal)"
    )
    assert load(path, decimal=",").prediction.tolist() == [1.234, 2.5]
    assert load(path, decimal=".").prediction.tolist() == [1234, 2500]
    grouped = write("target;p_0;p_1\n1;1.234,5;0,5\n0;2.500;7\n")
    with pytest.raises(lm.DataError, match=r"holds '1.234,5'; expected a number; decimal=',' or decimal='.'"):
        load(grouped)
    assert load(grouped, decimal=",").prediction.tolist() == [[1234.5, 0.5], [2500, 7]]
    with pytest.raises(lm.InputError, match=r"decimal is 'comma'; expected '.' or ','"):
        load(path, decimal="comma")


def test_both_decimal_signs_in_one_column(write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(lm.DataError, match=r"row 1 .* holds '0,5'; expected a number; decimal="):
        load(write("target;prediction\n0;0,5\n1;0.5\n"))
    monkeypatch.setattr("lossmith.evaluation.csv._CHUNK", 2)
    with pytest.raises(
        lm.DataError, match=r"column 'p_0' of preds.csv has decimal points and decimal commas; say which"
    ):
        load(write("target;p_0;p_1\n0;0,5;0,5\n1;0,5;0,5\n0;0.5;0,5\n1;0.5;0,5\n"))
    with pytest.raises(lm.DataError, match=r"row 2 \(line 3\): column 'prediction' of preds.csv holds 'abc'"):
        load(write("target;prediction\n0;0,5\n1;abc\n0;0,25\n"))
    with pytest.raises(lm.DataError, match=r"row 2 \(line 3\): column 'prediction' of preds.csv has no value"):
        load(write("target;prediction\n0;0,5\n1;\n"))


def test_quoted_line_breaks_keep_line_numbers(write: Callable[..., Path]) -> None:
    table = load(write('target,p,remark\n0,0.1,"a\nb"\n1,0.9,c\n'))
    assert [table.locate(i) for i in (0, 1)] == ["row 1 (line 2)", "row 2 (line 4)"]


# --- which columns ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("header", "targets", "predictions"),
    [
        ("id,target,prediction", ["target"], ["prediction"]),
        ("y_true,y_pred", ["y_true"], ["y_pred"]),
        ("Label,Prob", ["Label"], ["Prob"]),
        ("y,p_0,p_1,prediction", ["y"], ["p_0", "p_1"]),
        ("y,p_value,prediction", ["y"], ["prediction"]),
        ("label,logit_cat,logit_dog", ["label"], ["logit_cat", "logit_dog"]),
        ("y_a,y_b,p_a,p_b", ["y_a", "y_b"], ["p_a", "p_b"]),
        ("target,p_10,p_2,p_1", ["target"], ["p_1", "p_2", "p_10"]),
        ("y,yhat", ["y"], ["yhat"]),
        ("y_true,Y_hat", ["y_true"], ["Y_hat"]),
        ("y,y_hat,y_prob", ["y"], ["y_hat"]),
        ("y_a,y_b,y_hat_a,y_hat_b", ["y_a", "y_b"], ["y_hat_a", "y_hat_b"]),
        ("actual,forecast", ["actual"], ["forecast"]),
    ],
)
def test_columns_with_usual_names_are_found_and_said(header: str, targets: list[str], predictions: list[str]) -> None:
    from lossmith.evaluation.columns import choose

    choice = choose(header.split(","), None, None, "x.csv")
    assert (list(choice.targets), list(choice.predictions)) == (targets, predictions)
    assert all(repr(name) in choice.note for name in (*targets, *predictions))


@pytest.mark.parametrize(
    ("prediction", "class_names"),
    [
        (["m_cat", "m_dog", "m_owl"], ("cat", "dog", "owl")),
        (["m_cat,m_dog,m_owl"], ("cat", "dog", "owl")),
        ("m_*", ("cat", "dog", "owl")),
        (["m_dog", "m_cat", "m_owl"], ("dog", "cat", "owl")),
    ],
)
def test_columns_asked_for(write: Callable[..., Path], prediction: str | list[str], class_names: tuple) -> None:
    path = write("truth,m_cat,m_dog,m_owl\ncat,.8,.1,.1\nowl,.1,.2,.7\ndog,.5,.3,.2\n")
    result = evaluate_file(path, target="truth", prediction=prediction)
    assert result.class_names == class_names
    assert result.metrics["accuracy"].value == pytest.approx(2 / 3)
    assert result.confusion.most_confused.true == "dog"
    assert not any(said.startswith("Columns by name") for said in result.assumptions)


def test_columns_that_count_from_1_name_the_labels(write: Callable[..., Path]) -> None:
    assert evaluate_file(write("y,p_1,p_2,p_3\n1,.8,.1,.1\n3,.1,.2,.7\n")).metrics["accuracy"].value == 1


def test_names_tell_the_form(write: Callable[..., Path]) -> None:
    result = evaluate_file(write("y,logit\n1,0.8\n0,.1\n"))
    assert result.form == "logits"
    assert "Predictions read as logits, by the column's name; form= (--form) says otherwise." in result.assumptions
    assert evaluate_file(write("y,pct\n1,0.8\n0,.1\n")).losses["binary_cross_entropy"].value > 2
    assert evaluate_file(write("y,p\n1.5,0.8\n0,.1\n")).task == "regression"


def test_several_targets(write: Callable[..., Path]) -> None:
    result = evaluate_file(write("y_hot,y_wet,p_hot,p_wet\n1,1,.9,.8\n0,0,.2,.3\n0,1,.1,.4\n"))
    assert result.task == "multilabel"
    assert result.class_names == ("hot", "wet")
    assert result.metrics["exact_match"].value == pytest.approx(2 / 3)


def test_text_labels_and_predictions(write: Callable[..., Path]) -> None:
    result = evaluate_file(write("label,prediction\nno,no\nyes,no\nmaybe,maybe\n"))
    assert (result.task, result.form) == ("multiclass", "labels")
    assert result.class_names == ("maybe", "no", "yes")


def test_parquet_kinds_of_columns(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    path = parquet(
        tmp_path / "x.parquet",
        target=pyarrow.array(["no", "yes", "no"]).dictionary_encode(),
        prediction=pyarrow.array([0.1, 0.9, 0.2], pyarrow.float16()),
    )
    assert evaluate_file(path).metrics["accuracy"].value == 1
    assert evaluate_file(parquet(path, target=[True, False], prediction=[0.9, 0.1])).task == "binary"
    decimal = pyarrow.array([1, 2]).cast(pyarrow.decimal128(21, 2))
    assert evaluate_file(parquet(path, target=decimal, prediction=[1.5, 2.5])).metrics["rmse"].value == 0.5


def test_numbers_written_as_text(tmp_path: Path) -> None:
    path = parquet(tmp_path / "x.parquet", target=["1", "0"], prediction=["0.9", "0.1"])
    assert evaluate_file(path).losses["binary_cross_entropy"].value == pytest.approx(-np.log(0.9))


# --- bad files -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("content", "options", "error", "message"),
    [
        ("", {}, lm.DataError, "preds.csv is empty"),
        ("target,prediction\n", {}, lm.DataError, "preds.csv has no rows"),
        ("0,1\n1,1\n", {}, lm.DataError, "first line of preds.csv holds numbers; expected the names"),
        ("target,prediction,target\n1,1,1\n", {}, lm.DataError, "2 columns named 'target'"),
        ("a,b\n1,1\n", {}, lm.DataError, "usual target name; say which with --target NAME: 'a', 'b'"),
        ("y,b\n1,1\n", {}, lm.DataError, "usual prediction name; .*--prediction NAME"),
        ("target,prediction\n1,1\n", {"target": "tarjet"}, lm.UnknownNameError,
         "no column named 'tarjet' in preds.csv; did you mean 'target'"),
        ("target,prediction\n1,1\n", {"prediction": "p_*"}, lm.UnknownNameError, r"no column named 'p_\*'"),
        ("target,prediction\n1,1\n", {"target": "target", "prediction": "target"}, lm.DataError, "is both"),
        ("target,p_0,p_1\n1,1,0\n", {"prediction": ["p_*", "p_0"]}, lm.DataError, "'p_0' of preds.csv is asked for 2"),
        ("target,prediction\n1,.5\n0,abc\n1,.5\n0,.1\n", {}, lm.DataError,
         r"row 2 \(line 3\): column 'prediction' of preds.csv holds 'abc'; expected a number"),
        ("target,p_0,p_1\n1,.5,.5\n\n0,abc,.5\n", {}, lm.DataError, r"row 2 \(line 4\): column 'p_0' .* holds 'abc'"),
        ("target,prediction\n1,.5\n0,.2\nx,.1\n", {}, lm.DataError, r"row 3 \(line 4\): column 'target' .* holds 'x'"),
        ("target,prediction\n1,.5\n0,\n", {}, lm.DataError, r"row 2 \(line 3\): column 'prediction' .* has no value"),
        ("target,prediction\na,.5\nNA,.1\nb,.3\n", {}, lm.DataError, r"row 2 .*'target' .* has no value \('NA'\)"),
        ("target,p_0,p_1\n1,.5,.5\n0,nan,.5\n", {}, lm.DomainError, r"prediction is NaN at row 2 \(line 3\)"),
        ("target,p_0,p_1\n1,.5,.5\n0,,.5\n", {}, lm.DataError, r"row 2 \(line 3\): column 'p_0' .* has no value"),
        ("target,prediction\n1,.5\n0,nan\n", {}, lm.DomainError, r"prediction is NaN at row 2 \(line 3\)"),
        ("target,prediction\n1,.5\n0,.1,7\n", {}, lm.DataError, "line 3 of preds.csv has 3 values, .* 2 columns"),
        ("target,p_0,p_1\n1,.5,.5\n0\n", {}, lm.DataError, "line 3 of preds.csv has 1 values, .* 3 columns"),
        ('target,prediction\n1,"0.5\n', {}, lm.DataError, "cannot be read as CSV"),
        (b"target,prediction\n1,\xff\n", {}, lm.DataError, "is not UTF-8 text"),
        ("target,p_0,p_1,p_2\n3,.5,.2,.3\n", {}, lm.LabelError, r"label 3 at row 1 \(line 2\), but there are 3"),
        ("target,p_0,p_1,p_2\n1,.5,.2,.3\n", {"class_names": ["a", "b"]}, lm.ShapeError, "3 columns for 2 class names"),
        ("target,p_0,p_1,p_2\n1,.5,.2,.9\n", {}, lm.DomainError, r"^prediction at row 1 \(line 2\) sums to 1.6"),
        ("target,p_0,p_1,p_2\n1,.5,1.2,.9\n", {}, lm.DomainError, r"holds 1.2 at row 1 \(line 2\).*--form logits"),
        ("target,prediction\ncat,dog\ndgo,dog\n", {"class_names": ["cat", "dog"]}, lm.UnknownNameError,
         r"no class named 'dgo' in the class names \(target, row 2 \(line 3\)\); did you mean 'dog'"),
    ],
)  # fmt: skip
def test_bad_csv(write: Callable[..., Path], content: str, options: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        evaluate_file(write(content), **options)


def test_names_that_are_mostly_numbers_can_be_said(write: Callable[..., Path]) -> None:
    path = write("target,p_0,p_1,p_2\n0,.8,.1,.1\n1,.1,.8,.1\nother,0,0,1\n")
    with pytest.raises(lm.DataError, match="holds 'other'; expected a number"):
        evaluate_file(path)
    assert evaluate_file(path, class_names=["0", "1", "other"]).metrics["accuracy"].value == 1


def test_a_file_that_is_not_there(write: Callable[..., Path], tmp_path: Path) -> None:
    write(TABLE)
    with pytest.raises(lm.DataError, match=r"pred.csv does not exist; did you mean '.*preds.csv'"):
        evaluate_file(tmp_path / "pred.csv")
    with pytest.raises(lm.DataError, match=r"zzz.npz does not exist$"):
        evaluate_file(tmp_path / "zzz.npz")
    with pytest.raises(lm.DataError, match="nor does the directory"):
        evaluate_file(tmp_path / "no" / "zzz.npz")
    with pytest.raises(lm.DataError, match="is a directory"):
        evaluate_file(tmp_path)
    with pytest.raises(lm.DataError, match=r"preds.xlsx is of no known kind; expected .parquet"):
        evaluate_file(write("x", "preds.xlsx"))


def test_cut_off_files(tmp_path: Path) -> None:
    for path in in_every_format(tmp_path)[1:]:
        if path.suffix == ".tsv":
            continue
        data = path.read_bytes()
        path.write_bytes(data[: len(data) * 2 // 3])
        with pytest.raises(lm.DataError, match=path.name):
            evaluate_file(path)
        path.write_bytes(b"no such format, certainly" * 9)
        with pytest.raises(lm.DataError, match=path.name):
            evaluate_file(path)


def test_damaged_npz_member(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("target.npy", b"\x93NUMPY nonsense")
        file.writestr("prediction.npy", b"")
    with pytest.raises(lm.DataError, match=r"x.npz cannot be read as NPZ"):
        evaluate_file(path)


def test_npz_is_not_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", target=np.array([1, {}], dtype=object), prediction=[0.5, 0.5])
    with pytest.raises(lm.DataError, match="cannot be read as NPZ: Object arrays"):
        evaluate_file(tmp_path / "x.npz")


def test_bad_npz_shapes(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", target=[1, 0], p_0=[0.5], p_1=[0.5, 0.5])
    with pytest.raises(lm.DataError, match="several columns must be one-dimensional, of one length"):
        evaluate_file(tmp_path / "x.npz")
    np.savez(tmp_path / "x.npz", target=[1, 0, 1], prediction=[0.5, 0.5])
    with pytest.raises(lm.ShapeError, match="prediction has 2 rows and target has 3"):
        evaluate_file(tmp_path / "x.npz")
    np.savez(tmp_path / "x.npz", target=[1, 0], p_0=["a", "b"], p_1=[0.5, 0.5])
    with pytest.raises(lm.DataError, match=r"row 1: column 'p_0' of x.npz holds 'a'"):
        evaluate_file(tmp_path / "x.npz")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"target": [1, None], "prediction": [0.5, 0.5]}, r"row 2: column 'target' of x.parquet has no value"),
        ({"target": [1, 0, 1], "prediction": ["0.5", "x", ".1"]}, r"row 2: column 'prediction' of x.parquet holds 'x'"),
        ({"target": [1, 0], "prediction": [{"a": 1}, {"a": 2}]}, "is of type struct"),
        ({"target": [1, 0], "prediction": [[0.5, 0.5], [1.0]]}, r"row 2: column 'prediction' .* holds 1 values"),
        ({"target": [1, 0], "prediction": [["a"], ["b"]]}, "expected lists of numbers"),
    ],
)
def test_bad_parquet(tmp_path: Path, columns: dict, message: str) -> None:
    with pytest.raises(lm.DataError, match=message):
        evaluate_file(parquet(tmp_path / "x.parquet", **columns))


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(lm.MissingDependencyError, match=r"pip install 'lossmith\[eval\]'"):
        evaluate_file(tmp_path / "x.parquet")


def test_large_csv_in_chunks(write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lossmith.evaluation.csv._CHUNK", 7)
    rows = "".join(f"{'ab'[i % 2]},{i % 10}.5,{i % 3}\n" for i in range(50))
    table = load(write("target,logit_a,logit_b\n" + rows))
    assert table.prediction.shape == (50, 2)
    assert table.prediction[49].tolist() == [9.5, 1.0]
    assert table.locate(49) == "row 50 (line 51)"
