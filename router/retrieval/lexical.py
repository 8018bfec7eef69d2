"""The word index: BM25 over the passages, on disk, changed in place by commits.

The only importer of tantivy. A commit changes content and corpus revision together, since the
revision is a document of the index itself: they can never disagree, whenever a process is killed.
"""

import json
import math
import zlib
from collections.abc import Collection as AbstractCollection
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import tantivy
from tantivy import Occur, Query

from router.retrieval.analysis import analyse, question_words

MAX_QUESTION_WORDS = 48
# BM25 gives a word that stands in this many passages about what a near spelling is worth.
FUZZY_FREQUENCY = 8
FUZZY_MIN_LENGTH = 4
_WRITER_BYTES = 32_000_000
_FOOTER_MAGIC = 1337


@dataclass(frozen=True, slots=True)
class Entry:
    """A passage to be indexed."""

    chunk_id: int
    version_id: int
    collection_id: int
    text: str


class DamagedIndexError(Exception):
    """The files of an index are not what was written."""


class LexicalIndex:
    """One folder. Any number of processes may read while one writes; the caller sees to that."""

    def __init__(self, folder: Path) -> None:
        """Open the index of a folder, or make an empty one at revision 0.

        Raises `DamagedIndexError`, and `OSError` where the disk takes no new one. No other process
        may write to the folder meanwhile.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        if self.exists(folder):
            _verify(folder)
            self._index = _open(folder)
        else:
            self._index = _made(folder)

    @staticmethod
    def exists(folder: Path) -> bool:
        return (folder / "meta.json").exists()

    def snapshot(self) -> "LexicalSnapshot":
        """What was committed last, by whichever process. Raises `DamagedIndexError`."""
        return _committed(self._index, self._folder)

    def change(self, *, removed: Iterable[int], added: Iterable[Entry], revision: int) -> None:
        """Take out all passages of the removed versions, put in the added ones, and commit.

        Raises `OSError` when the disk does not take it; then nothing has changed. Raises
        `DamagedIndexError`.
        """
        try:
            self._change(removed, added, revision)
        except ValueError as error:
            raise _refused(self._folder, error) from error

    def _change(self, removed: Iterable[int], added: Iterable[Entry], revision: int) -> None:
        # tantivy reads the list of its files once, and knows of those of other processes only when
        # it is opened after them.
        writer = _open(self._folder).writer(_WRITER_BYTES, 1)
        try:
            # A writer that was killed leaves files of the names that this one is going to use.
            writer.garbage_collect_files()
            # `delete_documents_by_term` makes a signed term, which an unsigned field never has.
            gone = Query.term_set_query(_SCHEMA, "version", list(removed))
            writer.delete_documents_by_query(gone)
            for entry in added:
                writer.add_document(_document(entry))
            writer.delete_documents_by_query(Query.exists_query("revision"))
            writer.add_document(tantivy.Document.from_dict({"revision": revision}, _SCHEMA))
            writer.commit()
        finally:
            # It gives up the lock of the folder, which it otherwise has for as long as somebody
            # keeps the error of a full disk.
            writer.wait_merging_threads()


class LexicalSnapshot:
    """The index after one commit, whatever is written later. Safe to share between threads."""

    def __init__(self, searcher: tantivy.Searcher) -> None:
        self._searcher = searcher
        self.revision = self._read_revision()

    def search(
        self, question: str, collections: AbstractCollection[int], limit: int
    ) -> list[tuple[int, float]]:
        """Chunk ids and scores of the best passages within some collections, best first."""
        words = _stemmed(question_words(question)[:MAX_QUESTION_WORDS])
        if not words or not collections:
            return []
        readable = Query.const_score_query(
            Query.term_set_query(_SCHEMA, "collection", list(collections)), 0.0
        )
        any_word = Query.boolean_query(
            [(Occur.Should, self._word_query(word, readable)) for word in words]
        )
        query = Query.boolean_query([(Occur.Must, any_word), (Occur.Must, readable)])
        hits = self._searcher.search(query, limit, count=False).hits
        chunks = self._searcher.fast_field_values("chunk", [address for _, address in hits])
        return [(int(chunk or 0), score) for chunk, (score, _) in zip(chunks, hits, strict=True)]

    def chunks(self) -> list[int]:
        """The chunk ids of all passages, each as often as it is there."""
        everything = Query.exists_query("chunk")
        hits = self._searcher.search(everything, max(self._searcher.num_docs, 1), count=False).hits
        found = self._searcher.fast_field_values("chunk", [address for _, address in hits])
        return [int(chunk or 0) for chunk in found]

    def _word_query(self, word: str, readable: Query) -> Query:
        """The word itself, or near spellings when no readable passage has it.

        Only readable passages count, or a stranger could tell that a hidden one has the word.
        """
        exact = Query.term_query(_SCHEMA, "text", word, "freq")
        if len(word) < FUZZY_MIN_LENGTH or self._occurs(exact, readable):
            return exact
        distance = 1 if len(word) < 2 * FUZZY_MIN_LENGTH else 2
        near = Query.fuzzy_term_query(_SCHEMA, "text", word, distance)
        return Query.boost_query(near, math.log1p(self._searcher.num_docs / FUZZY_FREQUENCY))

    def _occurs(self, exact: Query, readable: Query) -> bool:
        both = Query.boolean_query([(Occur.Must, exact), (Occur.Must, readable)])
        return bool(self._searcher.search(both, 1, count=False).hits)

    def _read_revision(self) -> int:
        found = self._searcher.search(Query.exists_query("revision"), 1, count=False).hits
        if not found:
            return 0
        (revision,) = self._searcher.fast_field_values("revision", [found[0][1]])
        return int(revision or 0)


def committed_revision(folder: Path) -> int:
    """The revision of the last commit, read without looking at the files; 0: there is none yet.

    Raises `DamagedIndexError`, also when a writer removed what was about to be read.
    """
    if not LexicalIndex.exists(folder):
        return 0
    return _committed(_open(folder), folder).revision


def _committed(index: tantivy.Index, folder: Path) -> LexicalSnapshot:
    try:
        index.reload()
    except ValueError as error:
        raise DamagedIndexError(f"{folder}: {error}") from error
    return LexicalSnapshot(index.searcher())


def _open(folder: Path) -> tantivy.Index:
    try:
        index = tantivy.Index(_SCHEMA, path=str(folder))
        index.config_reader("manual")
    except ValueError as error:
        raise DamagedIndexError(f"{folder}: {error}") from error
    index.register_tokenizer("words", _ANALYSER)
    return index


def _made(folder: Path) -> tantivy.Index:
    try:
        return _open(folder)
    except DamagedIndexError as error:
        raise _refused(folder, error) from error


def _refused(folder: Path, error: Exception) -> OSError:
    """tantivy tells of a full disk as of everything else, by a `ValueError`."""
    return OSError(f"{folder}: {error}")


def _document(entry: Entry) -> tantivy.Document:
    fields = {
        "chunk": entry.chunk_id,
        "version": entry.version_id,
        "collection": entry.collection_id,
        "text": " ".join(analyse(entry.text)),
    }
    return tantivy.Document.from_dict(fields, _SCHEMA)


def _stemmed(words: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(_ANALYSER.analyze(" ".join(words))))


def _verify(folder: Path) -> None:
    """Compare all files of the last commit with what was written.

    tantivy ends each file with its CRC-32 but does not look at it when it opens the file.
    """
    try:
        segments = json.loads((folder / "meta.json").read_bytes())["segments"]
        deletes = {
            segment["segment_id"].replace("-", ""): (segment["deletes"] or {}).get("opstamp")
            for segment in segments
        }
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedIndexError(f"{folder}: {error}") from error
    for name, opstamp in deletes.items():
        files = list(folder.glob(f"{name}.*"))
        if not files:
            raise DamagedIndexError(f"{folder}: {name} is missing")
        for path in files:
            # Other deletes are of an earlier commit or, half written, of a writer that was killed.
            if path.suffix != ".del" or path.name == f"{name}.{opstamp}.del":
                _verify_checksum(path)


def _verify_checksum(path: Path) -> None:
    """A file is content, footer in JSON with the content's CRC-32, its length, a magic number."""
    raw = path.read_bytes()
    length, magic = (int.from_bytes(raw[at : at + 4 or None], "little") for at in (-8, -4))
    if magic != _FOOTER_MAGIC or not 0 < length < len(raw) - 8:
        raise DamagedIndexError(f"{path} is cut off")
    content, footer = raw[: -8 - length], raw[-8 - length : -8]
    try:
        checksum = json.loads(footer)["crc"]
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedIndexError(f"{path}: {error}") from error
    if checksum != zlib.crc32(content):
        raise DamagedIndexError(f"{path} has changed")


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("text", tokenizer_name="words", index_option="freq")
    builder.add_unsigned_field("chunk", fast=True)
    builder.add_unsigned_field("version", indexed=True)
    builder.add_unsigned_field("collection", indexed=True)
    builder.add_unsigned_field("revision", fast=True)
    return builder.build()


def _analyser() -> tantivy.TextAnalyzer:
    split = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace())
    folded = split.filter(tantivy.Filter.ascii_fold())
    return folded.filter(tantivy.Filter.stemmer("english")).build()


_SCHEMA = _schema()
_ANALYSER = _analyser()
