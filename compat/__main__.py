"""`python -m fairseq_hebrew_compat`: the cures, with their reasons."""

from textwrap import fill

from .table import CURES


def main() -> None:
    for cure in CURES:
        print(f"{cure.name} (since {cure.begins}; {', '.join(cure.modules)})")
        print(fill(cure.why, 100, initial_indent="    ", subsequent_indent="    "))
        print(fill(f"until {cure.until}", 100, initial_indent="    ", subsequent_indent="    ") + "\n")


if __name__ == "__main__":
    main()
