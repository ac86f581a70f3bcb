"""The tokens of one reply while it streams: their ids, or how many there were by when."""

from __future__ import annotations

from array import array
from collections.abc import Mapping

from evalbudget.endpoints.wire import Choice, Chunk
from evalbudget.reasoning.counting import Evidence, ends_with_token
from evalbudget.reasoning.steps import Steps
from evalbudget.reasoning.token_ids import Spans, Vocabulary, read_spans
from evalbudget.records import TokenSource


class Trail:
    """Takes what a server says of single tokens. 4 bytes a token, 12 where the markers' ids are unknown."""

    __slots__ = (
        "_broken",
        "_closing_counted",
        "_ids",
        "_prompt",
        "_stopped_by_text",
        "_timed",
        "_vocabulary",
        "steps",
    )

    def __init__(self, vocabulary: Vocabulary | None, *, closing_counted: bool) -> None:
        self._vocabulary = vocabulary
        self._closing_counted = closing_counted
        self._ids = array("i")
        self._prompt: array[int] | None = None
        self._broken = False
        """What came is no list of token ids."""
        self._timed = False
        self._stopped_by_text = False
        self.steps = Steps(maps=True)

    @property
    def ids(self) -> array[int] | None:
        """Those that came; None where there were none."""
        return self._ids if self._ids and not self._broken else None

    @property
    def unread(self) -> bool:
        """Ids came, and nobody has asked yet which of them are markers."""
        return self.ids is not None and self._vocabulary is None

    def learn(self, vocabulary: Vocabulary) -> None:
        """Read the ids with this."""
        self._vocabulary = vocabulary

    @property
    def prompt(self) -> array[int] | None:
        """The prompt's ids, where they came."""
        return self._prompt

    @property
    def markers(self) -> Mapping[int, int]:
        """Id of each opening marker → id of its closing marker, where they are known."""
        return self._vocabulary.closing if self._vocabulary else {}

    def prompt_opened(self, *, continues: bool) -> bool | None:
        """Whether the prompt ends inside thinking, as its ids show; see `token_ids.read_spans`."""
        if self._prompt is None or not self.markers or self._vocabulary is None:
            return None
        return read_spans(
            (), self._prompt, self._vocabulary, has_end=False, continues=continues
        ).prompt_opened

    def take_ids(self, ids: list[int]) -> None:
        """Those of the next piece, whose text is known already."""
        try:
            self._ids.extend(ids)
        except OverflowError:
            self._broken = True
        if self._vocabulary:
            self.steps.maps = False  # the ids themselves show where the markers are
        self.steps.count(len(self._ids))

    def take_chunk(self, chunk: Chunk) -> None:
        """What stands in an event besides its choices."""
        if chunk.timings is not None and chunk.timings.predicted_n is not None:
            # Those at a reply's end come unasked, and tell nothing of when.
            self._timed = self._timed or (
                chunk.choices is not None and any(not each.finish_reason for each in chunk.choices)
            )
            self.steps.count(chunk.timings.predicted_n)
        if chunk.prompt_token_ids is not None:
            self._take_prompt(chunk.prompt_token_ids)
        if chunk.sglext is not None:
            if chunk.sglext.input_ids is not None:
                self._take_prompt(chunk.sglext.input_ids)
            if chunk.sglext.output_ids:
                # All at once, so they tell nothing of when.
                self.steps.muddled = True
                self.take_ids(chunk.sglext.output_ids[0])

    def take_usage(self, completion_tokens: int) -> None:
        """What an event with a piece says that all pieces so far were; nothing where there is better."""
        if not self._ids and not self._timed:
            self.steps.count(completion_tokens)

    def take_end(self, choice: Choice) -> None:
        """The piece that ends the reply."""
        self._stopped_by_text = isinstance(choice.stop_reason or choice.matched_stop, str)

    def spans(self, finish_reason: str | None, *, continues: bool) -> Spans | None:
        """Thinking and answer in the ids, where the markers' ids are known."""
        if self.ids is None or not self._vocabulary:
            return None
        return read_spans(
            self.ids,
            self._prompt,
            self._vocabulary,
            has_end=ends_with_token(finish_reason, stopped_by_text=self._stopped_by_text),
            continues=continues,
        )

    def evidence(
        self, spans: Spans | None, *, inline: tuple[int, int, int] | None, prompt_opened: bool | None
    ) -> Evidence:
        """For `counting.count_by`; `prompt_opened` as the text shows it."""
        ids = self.ids
        by_ids = ids is not None and not self._timed
        counted = by_ids or self._timed
        return Evidence(
            spans=spans,
            steps=self.steps if counted else None,
            step_source=TokenSource.TOKEN_IDS if by_ids else TokenSource.TIMINGS,
            generated=len(ids) if ids is not None else self.steps.total if self._timed else None,
            inline=inline,
            prompt_opened=spans.prompt_opened if spans is not None else prompt_opened,
            stopped_by_text=self._stopped_by_text,
            closing_counted=self._closing_counted,
        )

    def _take_prompt(self, ids: list[int]) -> None:
        try:
            self._prompt = array("i", ids)
        except OverflowError:
            self._prompt = None
