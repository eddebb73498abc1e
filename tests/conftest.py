"""How hard Hypothesis tries: `quick`, or what BILLING_HYPOTHESIS_PROFILE says, `brief`, `mutation` or `thorough`."""

import os

from hypothesis import HealthCheck, Phase, settings

# Quick and brief draw the same examples every time, so that a red run is red for everybody. None has a deadline: a slow
# machine is no bug. Brief is for runs that ask whether the parts fit together, once quick has said that they are right.
settings.register_profile(
    "quick",
    derandomize=True,
    max_examples=50,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("brief", settings.get_profile("quick"), max_examples=10, stateful_step_count=15)
# Whether a mutant is noticed is all that is asked: nobody reads the smallest example, which takes a minute to find.
settings.register_profile("mutation", settings.get_profile("brief"), phases=[Phase.explicit, Phase.generate])
settings.register_profile(
    "thorough",
    max_examples=1_000,
    stateful_step_count=60,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("BILLING_HYPOTHESIS_PROFILE", "quick"))

# What stands there is read by the type checkers and never run.
collect_ignore = ["typing"]
