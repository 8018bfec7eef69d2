"""Small real files, made byte by byte, for the tests of parsing and uploads."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ingestion.elements import Element, ElementKind, ParsedDocument
from ingestion.sandbox import parse_safely
from ingestion.sniffing import media_type_of

FONTS = {"regular": "Helvetica", "bold": "Helvetica-Bold", "mono": "Courier"}


@dataclass(frozen=True)
class Text:
    x: float
    y: float
    text: str
    size: float = 10
    font: str = "regular"


def parsed(folder: Path, name: str, content: str | bytes) -> ParsedDocument:
    """The file as the product reads it: sniffed, and parsed in the sandbox."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return parse_safely(path, media_type_of(name, path))


def texts(document: ParsedDocument, kind: ElementKind) -> list[str]:
    return [element.text for element in document.elements if element.kind is kind]


def outline(document: ParsedDocument) -> list[tuple[int, str]]:
    return [(e.level, e.text) for e in document.elements if e.kind is ElementKind.HEADING]


def only(document: ParsedDocument, kind: ElementKind) -> Element:
    [element] = [element for element in document.elements if element.kind is kind]
    return element


def lines(
    x: float, top: float, *written: str, font: str = "regular", size: float = 10
) -> list[Text]:
    """Lines below each other, 12 points apart."""
    return [Text(x, top - 12 * n, text, size, font) for n, text in enumerate(written)]


def pdf(*pages: Iterable[Text], extra: str = "") -> bytes:
    """A PDF with the given texts on its pages of 600 × 800 points."""
    return _pdf([_content(page) for page in pages], extra=extra)


def scanned_pdf(page_count: int) -> bytes:
    """A PDF whose pages hold one picture each, and no text."""
    return _pdf([b"q 600 0 0 800 0 0 cm /Im0 Do Q"] * page_count)


def encrypted_pdf() -> bytes:
    """A PDF that opens with a password only."""
    key = "AB" * 32
    encryption = f"/Encrypt << /Filter /Standard /V 1 /R 2 /O <{key}> /U <{key}> /P -4 >>"
    return pdf([Text(50, 700, "Secret")], extra=f"{encryption} /ID [<01><01>]")


def bomb_pdf(layers: int, expanded_bytes: int) -> bytes:
    """A PDF of a few kilobytes whose page content expands again and again."""
    data = b""
    packer = zlib.compressobj(9)
    for _ in range(expanded_bytes // 2**20):
        data += packer.compress(b" " * 2**20)
    data += packer.flush()
    for _ in range(layers - 1):
        data = zlib.compress(data, 9)
    return _pdf([data], filters="/Filter [" + "/FlateDecode " * layers + "]")


def _content(page: Iterable[Text]) -> bytes:
    names = {font: f"F{number}" for number, font in enumerate(FONTS)}
    drawn = [
        f"BT /{names[t.font]} {t.size} Tf {t.x} {t.y} Td ({_escaped(t.text)}) Tj ET" for t in page
    ]
    return "\n".join(drawn).encode("cp1252")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def _pdf(contents: list[bytes], *, filters: str = "", extra: str = "") -> bytes:
    fonts = " ".join(
        f"/F{n} << /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>"
        for n, name in enumerate(FONTS.values())
    )
    count = len(contents)
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(count))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {count} /MediaBox [0 0 600 800]"
        f" /Resources << /Font << {fonts} >> /XObject << /Im0 3 0 R >> >> >>".encode(),
        b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /BitsPerComponent 8"
        b" /ColorSpace /DeviceGray /Length 1 >>\nstream\n\x80\nendstream",
    ]
    for number, content in enumerate(contents):
        objects.append(f"<< /Type /Page /Parent 2 0 R /Contents {5 + 2 * number} 0 R >>".encode())
        head = f"<< /Length {len(content)} {filters} >>\nstream\n".encode()
        objects.append(head + content + b"\nendstream")
    body = b"%PDF-1.7\n"
    offsets = []
    for number, written in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, written)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    trailer = f"trailer\n<< /Size {size} /Root 1 0 R {extra} >>\nstartxref\n{len(body)}\n%%EOF\n"
    return body + b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table) + trailer.encode()
