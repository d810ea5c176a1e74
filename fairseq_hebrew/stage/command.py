"""A stage as a command: its options are its settings, its failures are one line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .errors import UsageError, UserError, parser, run_command
from .options import add_arguments, from_arguments


@dataclass(frozen=True)
class StageCommand:
    """`main` parses the options of `settings` and calls `run(settings, force)`."""

    name: str
    description: str
    settings: type
    run: Callable

    def main(self, arguments: Sequence[str] | None = None) -> int:
        options = parser(f"fairseq-hebrew {self.name}", self.description)
        options.add_argument("--force", action="store_true", help="run although the output is up to date")
        add_arguments(options, self.settings)
        parsed = options.parse_args(arguments)

        def work() -> None:
            try:
                settings = from_arguments(self.settings, parsed)
            except UserError as error:
                raise UsageError(str(error)) from None
            self.run(settings, parsed.force)

        return run_command(work, parsed.debug)
