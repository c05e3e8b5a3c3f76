"""The tables of the store and its statements; all text here is constant, values are always bound."""

# ruff: noqa: S608

APPLICATION_ID = 0x41754567  # "AuEg"; file(1) and other readers of SQLite files can tell whose it is
VERSION = 1

# One row per measurement, its samples last: SQLite keeps them on overflow pages, so reading the columns before them
# does not touch them. Integer keys keep inserts at the end of the tables. Digests are of the content (see rows.py).
TABLES = """
CREATE TABLE run (
  key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, created_unix_ns INTEGER NOT NULL, finished_unix_ns INTEGER,
  device TEXT NOT NULL, status TEXT NOT NULL, context TEXT NOT NULL, plan TEXT NOT NULL, verdict TEXT,
  digest BLOB NOT NULL, owner TEXT
);
CREATE INDEX run_by_time ON run (created_unix_ns);
CREATE TABLE network (
  run INTEGER NOT NULL REFERENCES run, idx INTEGER NOT NULL, name TEXT NOT NULL, runtime TEXT NOT NULL,
  mode TEXT NOT NULL, info TEXT NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (run, idx)
);
CREATE TABLE spec (key INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, layer TEXT NOT NULL);
CREATE TABLE measurement (
  run INTEGER NOT NULL, network INTEGER NOT NULL, kind TEXT NOT NULL, mode TEXT NOT NULL, position INTEGER NOT NULL,
  name TEXT NOT NULL, op TEXT NOT NULL, count INTEGER NOT NULL, nodes TEXT NOT NULL, spec INTEGER REFERENCES spec,
  status TEXT NOT NULL, reason TEXT, loops INTEGER NOT NULL, energy TEXT, digest BLOB NOT NULL, samples BLOB NOT NULL,
  PRIMARY KEY (run, network, kind, mode, position), FOREIGN KEY (run, network) REFERENCES network
);
CREATE INDEX measurement_by_spec ON measurement (spec) WHERE spec IS NOT NULL;
"""


RUN_COLUMNS = "r.id, r.created_unix_ns, r.finished_unix_ns, r.device, r.status, r.context, r.plan, r.verdict, r.digest"
NETWORK_COLUMNS = "n.idx, n.name, n.runtime, n.mode, n.info, n.digest"
MEASUREMENT_COLUMNS = (
    "m.network, m.kind, m.mode, m.position, m.name, m.op, m.count, m.nodes, s.layer, s.digest, m.status, m.reason,"
    " m.loops, m.energy, m.samples, m.digest"
)
MEASUREMENTS = "measurement m LEFT JOIN spec s ON s.key = m.spec"

SAVE_SPEC = "INSERT INTO spec (digest, layer) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING"
SAVE_MEASUREMENT = """
INSERT INTO measurement (run, network, kind, mode, position, name, op, count, nodes, spec, status, reason, loops,
  energy, samples, digest)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, (SELECT key FROM spec WHERE digest = ?), ?, ?, ?, ?, ?, ?)
ON CONFLICT (run, network, kind, mode, position) DO UPDATE SET
  name = excluded.name, op = excluded.op, count = excluded.count, nodes = excluded.nodes, spec = excluded.spec,
  status = excluded.status, reason = excluded.reason, loops = excluded.loops,
  energy = excluded.energy, samples = excluded.samples, digest = excluded.digest
"""
SAVE_RUN = """
INSERT INTO run (id, created_unix_ns, finished_unix_ns, device, status, context, plan, verdict, digest, owner)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET finished_unix_ns = excluded.finished_unix_ns, device = excluded.device,
  status = excluded.status, context = excluded.context, plan = excluded.plan, verdict = excluded.verdict,
  created_unix_ns = excluded.created_unix_ns, digest = excluded.digest, owner = excluded.owner
"""
SAVE_NETWORK = """
INSERT INTO network (run, idx, name, runtime, mode, info, digest) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (run, idx) DO UPDATE SET name = excluded.name, runtime = excluded.runtime, mode = excluded.mode,
  info = excluded.info, digest = excluded.digest
"""
RUN = f"SELECT {RUN_COLUMNS} FROM run r WHERE r.id = ?"
NETWORKS_OF = f"SELECT {NETWORK_COLUMNS} FROM network n JOIN run r ON r.key = n.run WHERE r.id = ? ORDER BY n.idx"
MEASUREMENTS_OF = f"""
SELECT {MEASUREMENT_COLUMNS} FROM {MEASUREMENTS} JOIN run r ON r.key = m.run
WHERE r.id = ? AND m.network = ? ORDER BY m.kind, m.mode, m.position
"""
NEWEST = "ORDER BY r.created_unix_ns DESC, r.id DESC"

ALL_RUNS = f"SELECT {RUN_COLUMNS} FROM run r"
ALL_NETWORKS = f"SELECT r.id, {NETWORK_COLUMNS} FROM network n JOIN run r ON r.key = n.run"
ALL_MEASUREMENTS = f"SELECT r.id, {MEASUREMENT_COLUMNS} FROM {MEASUREMENTS} JOIN run r ON r.key = m.run"
