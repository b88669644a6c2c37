"""An A/B test whose sample is not the population: weights, an interval, and the next test's size.

Visitors are light or heavy users. Heavy ones are a fifth of the population and half of the sample,
and version B saves only them three minutes. B is never slower, so W1 is the difference of the
means: 0.2 * 3 = 0.6 min in the population, 0.5 * 3 = 1.5 min in the sample as it stands.
"""

import matplotlib.pyplot as plt
import numpy as np
from showing import Example

from otdiv import confidence_interval, equivalence_test, required_size, two_sample_test
from otdiv.plotting import plot_intervals, plot_power

example = Example(__doc__)
rng = np.random.default_rng(0)
n = 2000 if example.quick else 8000
share, share_in_sample, saved = 0.2, 0.5, 3.0
margin = 1.0  # minutes that nobody would mind


def visitors(saved_by_heavy):
    """Minutes that a task took, and the weight of each visitor: population over sample."""
    heavy = rng.random(n) < share_in_sample
    minutes = np.where(heavy, rng.gamma(8.0, 1.25, n) - saved_by_heavy, rng.gamma(4.0, 1.0, n))
    weights = np.where(heavy, share / share_in_sample, (1.0 - share) / (1.0 - share_in_sample))
    return minutes, weights


(a, a_weights), (b, b_weights) = visitors(0.0), visitors(saved)
weighted = {"x_weights": a_weights, "y_weights": b_weights}
interval = confidence_interval(a, b, rng=0, **weighted)
sample_alone = confidence_interval(a, b, rng=0)
share_of_shift = confidence_interval(a, b, distance="mean_shift_share", rng=0, **weighted)
test = two_sample_test(a, b, n_permutations=999, rng=0, **weighted)
small = equivalence_test(a, b, margin=margin, rng=0, **weighted)
truth = share * saved
example.shows("W1, weighted", f"{interval.value:.3f} min")
example.holds(
    "95 % interval, weighted",
    f"{interval.low:.3f} to {interval.high:.3f} min",
    f"holds {truth:g}",
    truth in interval,
)
example.holds(
    "95 % interval without the weights",
    f"{sample_alone.low:.3f} to {sample_alone.high:.3f} min",
    f"misses {truth:g}",
    truth not in sample_alone,
)
example.holds(
    "|difference of means| / W1, 95 %",
    f"{share_of_shift.low:.3f} to {share_of_shift.high:.3f}",
    "holds 1",
    1.0 in share_of_shift,
)
example.shows("p", f"{test.pvalue:.3f} ± {test.monte_carlo_error:.3f}")
differs = test.pvalue <= 0.05
example.holds("verdict at 5 %", "B differs" if differs else "no finding", "B differs", differs)
example.shows(
    f"within {margin:g} min of each other?",
    f"{'yes' if small.equivalent else 'not shown'}: {small.ruled_out:.3f} min are ruled out",
)

# The next test draws from the population: rows of the pilot, as often as their weights say.
pilots = [rng.choice(x, n, p=w / w.sum()) for x, w in ((a, a_weights), (b, b_weights))]
n_simulations = 300 if example.quick else 2000
size = required_size(pilots[1], reference=pilots[0], n_simulations=n_simulations, rng=0)
example.shows("visitors a side for power 0.8", f"{size.n} (power {size.power:.3f})")

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
plot_intervals({"weighted": interval, "sample alone": sample_alone}, ax=left)
left.axvline(truth, color="black", linestyle=":", label="population")
left.set_xlabel("W1 between the versions, min")
left.legend(frameon=False)
plot_power(size, ax=right)
example.finish(figure, "16_weighted_ab_test")
