import Experiments
import Testing

@Test(
  "Scans are refused with the reason where they cannot be decided or answered",
  arguments: [
    (
      "{ workload: { mix: { scan: 1, delete: 0.5 } } }",
      "workload.mix.delete: found 0.5 beside scans, allowed get, put, insert, readModifyWrite and cas"
    ),
    (
      "{ workload: { preset: 'ycsb-e', mix: { scan: 1, append: 1 } } }",
      "workload.mix.append: found 1 beside scans, *appended values have many"
    ),
    ("{ workload: { mix: { range: 1 } } }", "workload.mix.range: *did you mean \"scan\"?"),
    ("{ workload: { scanLength: 0 } }", "workload.scanLength: found 0, allowed *1...10000"),
    (
      "{ workload: { scanLenght: 5 } }",
      "workload.scanLenght: found an unknown key, *did you mean \"scanLength\"?"
    ),
    (
      "{ workload: { scanLength: { unifrom: [1, 5] } } }",
      "workload.scanLength.unifrom: *did you mean \"uniform\"?"
    ),
    (
      "{ workload: { scanLength: { uniform: [5, 1] } } }",
      "workload.scanLength: found *allowed a whole number of keys 1...10000, or { uniform: [1, 100] }"
    ),
    ("{ workload: { scanLength: 'all' } }", "workload.scanLength: found \"all\", allowed a whole"),
    (
      "{ workload: { preset: 'ycsb-e', valueSize: '1MiB' } }",
      "workload.scanLength: found 100 values of 1MiB, allowed scanLength × valueSize up to 32MiB"
    ),
    (
      "{ workload: { preset: 'ycsb-e' }, check: 'sequential' }",
      "check: found \"sequential\", allowed *beside scans (sequential consistency is judged key by key"
    ),
  ])
func scanRefusals(text: String, expected: String) { expectRefusal(text, saying: expected) }

@Test("A mix with scans may be checked for anything that says something of them")
func scanMixes() {
  for check in ["linearizable", "eventual", "none"] {
    #expect(throws: Never.self) {
      try plan(
        """
        { check: '\(check)',
          workload: { mix: { scan: 1, get: 1, put: 1, insert: 1, readModifyWrite: 1, cas: 1 } } }
        """)
    }
  }
}
