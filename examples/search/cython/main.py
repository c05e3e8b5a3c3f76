"""main.py WORTH.augpred COST.augpred LIMIT [EVALUATIONS [SEED]]: the most worth of what costs at most LIMIT."""

import sys
import time

from search import search

from augur_edge.predict import Predictor

worth, cost = (Predictor.load(path) for path in sys.argv[1:3])
start = time.process_time()
best, most, its_cost, evaluated, asked = search(worth, cost, float(sys.argv[3]), *map(int, sys.argv[4:6]))
rate = evaluated / (time.process_time() - start)
print(f"{evaluated} evaluated, {asked} looked at, {rate:.0f} evaluated a second")
print(f"fbnet:{','.join(map(str, best))}")
print(f"{worth.target} {most:.6g}, {cost.target} {its_cost:.6g} {cost.unit}")
