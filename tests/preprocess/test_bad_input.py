"""What every stage says to input it cannot use: one clear line, exit status 1, nothing left."""

import pytest

STAGES = ["clean", "dedup", "shuffle", "split", "train-bpe", "binarize"]


@pytest.fixture
def stage(tmp_path, tokenizer, refused):
    """A function that runs a stage on a file that should be refused, and checks that nothing is left."""

    def run(name, source, *more):
        output = tmp_path / "made" / ("out.txt" if name in ("clean", "dedup", "shuffle") else "folder")
        options = ["--vocab-size", "300"] if name == "train-bpe" else []
        options += ["--tokenizer", tokenizer] if name == "binarize" else []
        said = refused(name, "--input", source, "--output", output, *options, *more)
        assert [path for path in tmp_path.rglob("*") if path.is_file() and path != source] == []
        return said

    return run


@pytest.mark.parametrize("name", STAGES)
def test_no_file_an_empty_one_a_folder_and_bad_bytes(tmp_path, stage, name):
    source = tmp_path / "a.txt"
    assert "a.txt: no such file; check the path" in stage(name, source)
    assert "is a folder; name the files in it" in stage(name, tmp_path)
    assert "no file matches; check the folder" in stage(name, tmp_path / "*.none")
    source.touch()
    assert "a.txt: the file is empty" in stage(name, source)
    source.write_bytes("טקסט תקין\n\nעוד שורה\n".encode() + "שבור".encode()[:-1] + b"\n")
    assert "a.txt:4: invalid UTF-8 (byte 0xd7); convert the file to UTF-8 (iconv)" in stage(name, source)
    source.write_bytes(b" \n\n\t\r\n")
    assert "a.txt" in stage(name, source)


@pytest.mark.parametrize("name", ["clean", "dedup", "shuffle", "split"])
def test_a_file_without_blank_lines_is_not_guessed_at(tmp_path, stage, name):
    source = tmp_path / "a.txt"
    source.write_bytes(b"one\ntwo\n")
    assert "say --documents lines if each line is a document" in stage(name, source)


@pytest.mark.parametrize("name", STAGES)
def test_outputs_in_the_wrong_place(tmp_path, tokenizer, refused, name):
    source = tmp_path / "a.txt"
    source.write_bytes("משפט ארוך מספיק כדי להישאר כאן.\n\n".encode() * 30)
    options = ["--vocab-size", "257", "--min-frequency", "1"] if name == "train-bpe" else []
    options += ["--tokenizer", tokenizer] if name == "binarize" else []
    options += ["--valid-bytes", "20"] if name == "split" else []
    (tmp_path / "file").write_text("x")
    said = refused(name, "--input", source, "--output", tmp_path / "file" / "out", *options)
    assert "a file stands where the output folder should be" in said
    if name in ("clean", "dedup", "shuffle"):
        (tmp_path / "folder").mkdir()
        said = refused(name, "--input", source, "--output", tmp_path / "folder", *options)
        assert "a folder stands where the output file should be" in said
        assert "is also an input" in refused(name, "--input", source, "--output", source, *options)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["a.txt", "file"]


def test_debug_shows_the_traceback(tmp_path, command):
    done = command("dedup", "--debug", "--input", tmp_path / "none", "--output", tmp_path / "o")
    assert done.returncode == 1 and "Traceback" in done.stderr and "no such file" in done.stderr


@pytest.mark.parametrize(
    "wrong",
    [
        ["dedup"],
        ["dedup", "--input", "a"],
        ["dedup", "--input", "a", "--output", "b", "--memory", "much"],
        ["clean", "--input", "a", "--output", "b", "--documents", "pages"],
        ["train-bpe", "--input", "a", "--output", "b", "--preset", "gpt2"],
    ],
)
def test_wrong_usage_is_status_2(command, wrong):
    done = command(*wrong)
    assert done.returncode == 2 and "usage: fairseq-hebrew" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["clean", "dedup", "shuffle", "split"])
def test_what_is_no_text_is_not_asked_for_its_layout(tmp_path, stage, name):
    source = tmp_path / "a.txt"
    source.write_bytes("ספר ישן\nושורה\n".encode("windows-1255"))
    said = stage(name, source)
    assert "a.txt:1: invalid UTF-8 (byte 0xf1); convert the file to UTF-8 (iconv -f WINDOWS-1255 -t UTF-8" in said


@pytest.mark.parametrize("name", STAGES)
def test_an_address_is_no_output_of_a_stage(tmp_path, tokenizer, refused, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    source = tmp_path / "a.txt"
    source.write_bytes("משפט ארוך מספיק כדי להישאר כאן.\n\n".encode() * 30)
    options = ["--vocab-size", "257", "--min-frequency", "1"] if name == "train-bpe" else []
    options += ["--tokenizer", tokenizer] if name == "binarize" else []
    said = refused(name, "--input", source, "--output", "s3://bucket/out", *options)
    assert "a stage writes to local files" in said and sorted(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("name", STAGES[1:])
@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".txt.gz", ".parquet"])
def test_what_only_clean_reads_is_not_read_as_text(tmp_path, stage, name, ending):
    source = tmp_path / f"a{ending}"
    source.write_bytes(b'{"text": "a"}\n\n')
    said = stage(name, source)
    assert f"only clean reads .{ending.rsplit('.')[-1]} files; make text of it with `fairseq-hebrew clean`" in said
