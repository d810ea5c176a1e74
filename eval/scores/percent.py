"""Shares as the scores print them."""


def percent(share: float) -> float:
    """A share of 1 in percent, with two decimals."""
    return round(100 * float(share), 2)
