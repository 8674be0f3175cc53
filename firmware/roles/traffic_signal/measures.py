"""What a site's tables say of its groups, in ticks: for the checks of a plan."""

from . import aspects
from .tables import ILLEGAL, ROW


def groups_of(mask: int):
    """Numbers of the groups, or phases, whose bits are set."""
    return [i for i in range(16) if mask >> i & 1]


def steps(site, i: int) -> int:
    """Ticks from the end of green or walk of group i to its rest."""
    places = (aspects.GREEN_FLASH, aspects.AMBER, aspects.WALK_FLASH)
    return sum([site.ticks[ROW * i + aspect] for aspect in places if site.successors[ROW * i + aspect] != ILLEGAL])


def amber(site, i: int) -> int:
    """Ticks of amber of group i."""
    return site.ticks[ROW * i + aspects.AMBER]


def rest(site, i: int, j: int) -> int:
    """Ticks from the rest of group i to the first aspect of j that is not at rest; on the diagonal the red-revert."""
    return site.ticks[ROW * i + site.rest_aspects[i]] - site.limits[site.count * i + j]


def lead(site, i: int) -> int:
    """Ticks of red-amber of group i."""
    place = ROW * i + aspects.RED_AMBER
    return site.ticks[place] if site.successors[place] != ILLEGAL else 0


def least_open(site, i: int) -> int:
    """Least ticks of green or walk of group i."""
    return site.ticks[ROW * i + (aspects.WALK if site.kinds[i] else aspects.GREEN)]
