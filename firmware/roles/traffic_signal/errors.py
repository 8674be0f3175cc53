"""Why a plan, or day plans, cannot be used."""


class PlanError(ValueError):
    """A plan that cannot be used; `.reasons` says why, one text a reason."""

    def __init__(self, reasons) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons
