# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Evolution over FBNet's 9^22 architectures within a limit, without the GIL: ../c/search.c in Cython, move for move."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memmove

from augur_edge._kernel cimport Predictor

cdef enum:
    LENGTH = 22
    ANSWERS = 9
    ROW = 24
    WORDS = 3
    BITS = 14
    POPULATION = 16384
    BATCH = 256
    SEEN_BITS = 20
    PLACES = 1048576

cdef struct Search:
    uint64_t state
    uint8_t people[POPULATION][ROW]
    float worth[POPULATION]
    uint64_t seen[PLACES]
    size_t n_people
    uint64_t asked, evaluated
    uint8_t best[LENGTH]
    float most, its_cost


cdef uint64_t draw(Search *s) noexcept nogil:
    s.state += <uint64_t>0x9e3779b97f4a7c15
    cdef uint64_t z = s.state
    z = (z ^ (z >> 30)) * <uint64_t>0xbf58476d1ce4e5b9
    z = (z ^ (z >> 27)) * <uint64_t>0x94d049bb133111eb
    return z ^ (z >> 31)


cdef uint32_t below(uint32_t n, uint32_t bits) noexcept nogil:
    return <uint32_t>((<uint64_t>n * bits) >> 32)


cdef size_t tournament(Search *s, bint worst) noexcept nogil:
    cdef uint64_t bits = draw(s)
    cdef size_t chosen = bits % POPULATION, other
    for _ in range(2):
        bits >>= BITS
        other = bits % POPULATION
        chosen ^= (chosen ^ other) & (0 - <size_t>((s.worth[other] > s.worth[chosen]) != worst))
    return chosen


cdef void make(Search *s, uint8_t *child) noexcept nogil:
    cdef uint64_t a[WORDS]
    cdef uint64_t b[WORDS]
    cdef uint64_t more = 0
    cdef size_t i
    cdef uint8_t *place
    if s.n_people < POPULATION:
        for i in range(LENGTH):
            child[i] = below(ANSWERS, <uint32_t>(draw(s) >> 32))
        return
    memcpy(a, s.people[tournament(s, False)], ROW)
    memcpy(b, s.people[tournament(s, False)], ROW)
    for i in range(WORDS):
        a[i] ^= (a[i] ^ b[i]) & ((draw(s) >> 7 & <uint64_t>0x0101010101010101) * 255)
    memcpy(child, a, ROW)
    while True:
        more = draw(s)
        place = child + below(LENGTH, <uint32_t>more)
        place[0] = (place[0] + 1 + below(ANSWERS - 1, <uint32_t>(more >> 32))) % ANSWERS
        if more & 3:
            return


cdef uint64_t hash_of(const uint8_t *vector) noexcept nogil:
    cdef uint64_t words[3]
    cdef uint64_t h
    words[2] = 0
    memcpy(words, vector, LENGTH)
    h = words[0] * <uint64_t>0x9e3779b97f4a7c15 ^ (words[1] + 1) * <uint64_t>0xc2b2ae3d27d4eb4f
    h ^= (words[2] + 2) * <uint64_t>0x165667b19e3779f9
    h = (h ^ (h >> 32)) * <uint64_t>0xd6e8feb86659fd93
    return (h ^ (h >> 29)) | 1


cdef size_t propose(Search *s, uint8_t *rows) noexcept nogil:
    cdef uint8_t children[BATCH][ROW]
    cdef uint64_t hashes[BATCH]
    cdef uint64_t *place
    cdef size_t i, n = 0
    for i in range(BATCH):
        make(s, children[i])
        hashes[i] = hash_of(children[i])
    for i in range(BATCH):
        place = &s.seen[hashes[i] >> (64 - SEEN_BITS)]
        if place[0] != hashes[i]:
            place[0] = hashes[i]
            memcpy(rows + LENGTH * n, children[i], LENGTH)
            n += 1
    return n


cdef void learn(Search *s, const uint8_t *vector, float value) noexcept nogil:
    cdef size_t place
    if s.n_people < POPULATION:
        place = s.n_people
        s.n_people += 1
    else:
        place = tournament(s, True)
        if s.worth[place] >= value:
            return
    memcpy(s.people[place], vector, LENGTH)
    s.worth[place] = value


cdef int run(Search *s, Predictor worth, Predictor cost, double limit, uint64_t wanted) noexcept nogil:
    cdef uint8_t rows[BATCH * LENGTH]
    cdef uint8_t inside[BATCH * LENGTH]
    cdef float costs[BATCH]
    cdef float worths[BATCH]
    cdef size_t i, n, m, barren = 0
    while s.evaluated < wanted and barren < 10000:
        n = propose(s, rows)
        if cost.predict_vectors_nogil(rows, n, costs):
            return 1
        m = 0
        for i in range(n):
            if costs[i] <= limit:
                costs[m] = costs[i]
                memmove(inside + LENGTH * m, rows + LENGTH * i, LENGTH)
                m += 1
        if worth.predict_vectors_nogil(inside, m, worths):
            return 1
        for i in range(m):
            learn(s, inside + LENGTH * i, worths[i])
            if s.evaluated + i == 0 or worths[i] > s.most:
                s.most, s.its_cost = worths[i], costs[i]
                memcpy(s.best, inside + LENGTH * i, LENGTH)
        s.asked += n
        s.evaluated += m
        barren = 0 if m else barren + 1
    return 0


def search(Predictor worth, Predictor cost, double limit, uint64_t evaluations=1000000, uint64_t seed=0):
    """(architecture, its worth, its cost, evaluated, looked at) of the most worth within the limit; LookupError if none."""
    if worth.vector_length != LENGTH or cost.vector_length != LENGTH:
        raise ValueError("not predictors of FBNet's architectures")
    cdef Search *s = <Search *>calloc(1, sizeof(Search))
    cdef int failed
    if s == NULL:
        raise MemoryError
    try:
        s.state = seed
        with nogil:
            failed = run(s, worth, cost, limit, evaluations)
        if failed or not s.evaluated:
            raise LookupError(f"nothing found within {limit:g} {cost.unit}")
        return tuple([s.best[i] for i in range(LENGTH)]), s.most, s.its_cost, s.evaluated, s.asked
    finally:
        free(s)
