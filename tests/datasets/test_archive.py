"""Rows out of zip archives, encrypted ones too; and GPQA, of which no text may stand here."""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from evalbudget.choices import arranged
from evalbudget.datasets import load_samples
from evalbudget.datasets.archive import archive_rows
from evalbudget.errors import DataError, InputError
from evalbudget.records import Reply, Sample
from evalbudget.tasks import load_task

CSV = 'q,a\n"two\nlines, ä\u2028",1\nb,2\n'


def archive(path: Path, files: dict[str, bytes]) -> Path:
    """A zip archive with these files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return path


def encrypted(path: Path, name: str, data: bytes, password: bytes) -> Path:
    """An archive with one file under ZipCrypto (APPNOTE 6.1), which Python reads and does not write."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as plain:
        plain.writestr(name, data)
    keys = [0x12345678, 0x23456789, 0x34567890]
    table = [_crc_step(number) for number in range(256)]

    def update(byte: int) -> None:
        keys[0] = (keys[0] >> 8) ^ table[(keys[0] ^ byte) & 0xFF]
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = (keys[2] >> 8) ^ table[(keys[2] ^ (keys[1] >> 24)) & 0xFF]

    for byte in password:
        update(byte)
    with zipfile.ZipFile(made) as plain:
        entry = plain.getinfo(name)
    secret = bytearray()
    for byte in bytes(11) + bytes([entry.CRC >> 24]) + data:
        mixed = (keys[2] & 0xFFFF) | 2
        secret.append(byte ^ ((mixed * (mixed ^ 1)) >> 8) & 0xFF)
        update(byte)
    raw = made.getvalue()
    start = 30 + len(name)
    directory = start + len(data)
    packed = bytearray(raw[:start] + bytes(secret) + raw[directory:])
    directory += 12
    for place, flags, size in ((0, 6, 18), (directory, 8, 20)):
        packed[place + flags] |= 1
        struct.pack_into("<I", packed, place + size, len(secret))
    struct.pack_into("<I", packed, len(packed) - 6, directory)
    path.write_bytes(bytes(packed))
    return path


def _crc_step(number: int) -> int:
    for _ in range(8):
        number = (number >> 1) ^ (0xEDB88320 if number & 1 else 0)
    return number


def complaint(path: Path, member: str = "in/a.csv", password: str | None = None) -> str:
    with pytest.raises(DataError) as caught:
        archive_rows(path, member, password)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_csv_and_json_lines_come_out_of_an_archive(tmp_path: Path) -> None:
    files = {
        "in/a.csv": b"\xef\xbb\xbf" + CSV.encode(),
        "b.jsonl": b'{"q": "x"}\n',
        "c.json": b'[{"q": "y"}]',
    }
    path = archive(tmp_path / "a.zip", files)
    assert archive_rows(path, "in/a.csv", None) == [
        {"q": "two\nlines, ä\u2028", "a": "1"},
        {"q": "b", "a": "2"},
    ]
    assert archive_rows(path, "b.jsonl", "needless") == [{"q": "x"}]
    assert archive_rows(path, "c.json", None) == [{"q": "y"}]


def test_an_encrypted_archive_opens_with_its_password_and_nothing_is_unpacked_beside_it(
    tmp_path: Path,
) -> None:
    path = encrypted(tmp_path / "a.zip", "in/a.csv", CSV.encode(), b"open sesame")
    assert [row["a"] for row in archive_rows(path, "in/a.csv", "open sesame")] == ["1", "2"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.zip"]


def test_a_wrong_password_or_none_is_told(tmp_path: Path) -> None:
    path = encrypted(tmp_path / "a.zip", "in/a.csv", CSV.encode(), b"open sesame")
    assert complaint(path).endswith(
        "a.zip:in/a.csv: encrypted; the task should give the published `password:`"
    )
    for number in range(600):  # one in 256 passes the check of the format, and then the checksum fails
        assert "the password is wrong, or the archive is damaged" in complaint(
            path, password=f"guess {number}"
        )


def test_what_is_no_archive_or_lacks_the_file_is_told(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in complaint(tmp_path / "none.zip")
    (tmp_path / "text.zip").write_text("no archive")
    assert "text.zip: no zip archive, or a damaged one" in complaint(tmp_path / "text.zip")
    path = archive(tmp_path / "a.zip", {"in/b.csv": CSV.encode(), "odd.csv": b"\xff\xfe", "t.txt": b""})
    assert 'not in the archive, did you mean "in/b.csv"?' in complaint(path)
    assert "odd.csv: not UTF-8 text" in complaint(path, "odd.csv")
    assert "from an archive are read: .jsonl, .ndjson, .json, .csv" in complaint(path, "t.txt")
    assert "no zip archive" in complaint(_cut(path, tmp_path / "cut.zip"), "in/b.csv")


def _cut(path: Path, to: Path) -> Path:
    to.write_bytes(path.read_bytes()[:60])
    return to


def test_a_damaged_file_and_one_that_unpacks_without_end_are_told(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"in/a.csv": CSV.encode() * 100})
    data = bytearray(path.read_bytes())
    data[60:70] = bytes(10)
    path.write_bytes(bytes(data))
    assert "cannot be unpacked: the archive is damaged" in complaint(path)
    path = archive(tmp_path / "b.zip", {"in/a.csv": CSV.encode()})
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.rindex(b"PK\x01\x02") + 24, 2**31)
    path.write_bytes(bytes(data))
    assert "unpacks to 2,147,483,648 bytes; at most 1,073,741,824 are read" in complaint(path)


def test_a_task_reads_its_own_archive(tmp_path: Path) -> None:
    encrypted(tmp_path / "mine.zip", "in/a.csv", CSV.encode(), b"pw")
    task = "name: m\ntitle: m\nprompt: '{question}'\nscorer: exact\ncolumns: {question: q, target: a}\n"
    (tmp_path / "m.yaml").write_text(task + "data: {file: mine.zip, member: in/a.csv, password: pw}\n")
    assert [sample.target for sample in load_samples(load_task(str(tmp_path / "m.yaml")))] == ["1", "2"]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("{hub: a/b, member: c.csv}", "name the archive as `mirror:` or `file:`"),
        ("{file: a.zip, password: p}", "name the file in it as `member:`"),
        ("{file: a.zip, member: d.parquet}", "from an archive are read: .jsonl, .ndjson, .json, .csv"),
        ("{file: a.zip}", "data with an unknown suffix"),
    ],
)
def test_a_mistake_about_an_archive_is_named(tmp_path: Path, data: str, says: str) -> None:
    task = f"name: m\ntitle: m\nprompt: '{{question}}'\nscorer: exact\ndata: {data}\n"
    (tmp_path / "m.yaml").write_text(task)
    with pytest.raises(InputError) as caught:
        load_samples(load_task(str(tmp_path / "m.yaml")))
    assert says in str(caught.value)


FINGERPRINTS = {"gpqa_diamond": (198, "d24f41bc087aedcf"), "gpqa_main": (448, "fb5bb8cd38c7923b")}
"""Samples, and SHA-256 over ids and orders of eight repeats: the same everywhere and in every version."""


@pytest.fixture(scope="module", params=FINGERPRINTS)
def gpqa(request: pytest.FixtureRequest, shared: Path) -> tuple[str, tuple[Sample, ...]]:
    """(task, samples) of GPQA from the authors' archive."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVALBUDGET_HUB", str(shared / "hub"))
        return request.param, load_samples(load_task(request.param))


def test_gpqa_comes_out_of_the_authors_archive_in_the_same_order_everywhere(
    gpqa: tuple[str, tuple[Sample, ...]],
) -> None:
    name, samples = gpqa
    orders = "".join(
        f"{sample.id}{arranged(sample, repeat).extra['option_order']}"
        for sample in samples
        for repeat in range(8)
    )
    assert (len(samples), hashlib.sha256(orders.encode()).hexdigest()[:16]) == FINGERPRINTS[name]
    assert {sample.category for sample in samples} == {"Biology", "Chemistry", "Physics"}


def test_gpqa_asks_as_simple_evals_does(gpqa: tuple[str, tuple[Sample, ...]]) -> None:
    name, samples = gpqa
    task = load_task(name)
    first, rest = task.prompt.split("\n", 1)
    assert hashlib.sha256(first.encode()).hexdigest()[:16] == "13c540810079679a"
    assert rest == "\n{question}\n\n{choices}"
    for sample in samples:
        assert sample.choices is not None
        shown = arranged(sample, 1)
        options = shown.extra["options"]
        assert isinstance(options, list)
        listed = "\n".join(f"{letter}) {text}" for letter, text in zip("ABCD", options, strict=True))
        assert shown.prompt == f"{first}\n\n{sample.choices.question}\n\n{listed}", sample.id
    assert (task.private, task.defaults.repeats) == (True, 4)


def test_gpqas_gold_answers_pass_and_each_letter_is_right_equally_often(
    gpqa: tuple[str, tuple[Sample, ...]],
) -> None:
    name, samples = gpqa
    score = load_task(name).score
    targets: Counter[str] = Counter()
    words = 0
    for sample in samples:
        for shown in (arranged(sample, repeat) for repeat in range(4)):
            targets[shown.target] += 1
            for form in (
                "Answer: {}",
                "**Answer: ({})**",
                r"\boxed{{\text{{{}}}}}",
                "The correct answer is {}.",
            ):
                assert score(shown, Reply(reasoning="", answer=form.format(shown.target))).value == 1.0, (
                    sample.id
                )
            text = sample.choices.options[0] if sample.choices else ""
            gold = Reply(reasoning="", answer=f"Answer: {shown.target}) {text}")
            assert score(shown, gold).value == 1.0, sample.id
            words += score(shown, Reply(reasoning="", answer=f"Answer: {text}")).value == 1.0
    assert targets == dict.fromkeys("ABCD", len(samples))
    assert words > 0.98 * 4 * len(
        samples
    )  # two options of the same text, or options that are letters, say nothing
