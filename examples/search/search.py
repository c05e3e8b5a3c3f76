"""search.py WORTH.augpred COST.augpred LIMIT [EVALUATIONS [SEED]]: the most worth of what costs at most LIMIT."""

import sys
import time

from augur_edge import spaces
from augur_edge.search import Limit, evolve, from_predictor

space = spaces.get("fbnet")
worth, cost = (from_predictor(path, space) for path in sys.argv[1:3])
limit = Limit(cost, float(sys.argv[3]))
evaluations, seed = (int(word) for word in (*sys.argv[4:6], *("1000000", "0")[len(sys.argv) - 4 :]))
start = time.process_time()
found = evolve(space, worth, [limit], evaluations=evaluations, batch=16384, population=4000, seed=seed)
rate = found.evaluations / (time.process_time() - start)
print(f"{found.evaluations} evaluated, {found.asked} looked at, {rate:.0f} evaluated a second")
print(f"fbnet:{','.join(map(str, found.best))}")
print(f"{worth.name} {found.scores[0, 0]:.6g}, {cost.name} {cost(found.vectors[:1])[0]:.6g} {cost.unit}")
