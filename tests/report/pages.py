"""Reads a report as a browser would, without one."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from codedance.report.trace import unpack


class Parsed(HTMLParser):
    """Tags, attributes and texts of a page; scripts and styles by their id or tag."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        """Letter by letter."""
        self.words = ""
        """With a space for every tag."""
        self.raw: dict[str, str] = {}
        self._inside = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.words += " "
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag in ("script", "style"):
            self._inside = dict(attrs).get("id") or tag
            self.raw[self._inside] = ""

    def handle_endtag(self, tag: str) -> None:
        self.words += " "
        if tag in ("script", "style"):
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.raw[self._inside] += data
        else:
            self.text += data
            self.words += data

    def said(self) -> str:
        """Words with one space between them."""
        return " ".join(self.words.split())


class Report:
    """A report's file, taken apart."""

    def __init__(self, path: Path) -> None:
        self.html = path.read_text("utf-8")
        self.page = Parsed(self.html)
        self.rows: list[dict[str, Any]] = json.loads(self.page.raw["data-rows"])
        self.fragments = [unpack(self.page.raw[f"page-{number}"]) for number in range(len(self.rows))]

    def trace(self, task_id: str) -> Parsed:
        """The page of a task's first trace."""
        return Parsed(self.fragments[next(number for number, row in enumerate(self.rows) if row["id"] == task_id)])

    def said(self) -> str:
        """By the overview."""
        return self.page.said()
