import Experiments
import Testing

@Test(
  "Names, times, groups and searches that cannot mean anything are refused, with the nearest word",
  arguments: [
    ("{ faults: [{ at: '1s', partition: [[0, 1, 2], [0]] }] }", "at least two sides"),
    ("{ faults: [{ at: '1s', partition: [[0, 1, 2, 'clients'], [0]] }] }", "at least two sides"),
    (
      "{ faults: [{ name: 'warmUp', at: '1s', crash: 0 }] }",
      #"found "warmUp", allowed a name other"#
    ),
    ("{ faults: [{ name: 'a.end', at: '1s', crash: 0 }] }", "faults[0].name: found"),
    (
      """
      { faults: [{ name: 'k.2', at: '1s', crash: 0, for: '1s' },
        { name: 'k', at: '3s', crash: 0, for: '1s', every: '2s' }] }
      """, "faults[1].every: found a second k.2, allowed"
    ),
    (
      "{ faults: [{ chaos: {}, until: 'warmUp + 10s' }] }",
      "faults[0].until: found \"warmUp + 10s\", allowed a time up to the end"
    ),
    (
      "{ network: { places: { latency: { 'a-b': '1ms', 'b-a': '2ms' }, replicas: ['a'] } } }",
      #"network.places.latency.b-a: found "b-a" beside "a-b", allowed each pair once"#
    ),
    ("{ workload: { distribution: 'unifrom' } }", #"did you mean "uniform"?"#),
    ("{ workload: { patience: 'adaptve' } }", #"did you mean "adaptive"?"#),
    ("{ workload: { arrival: 'colsed' } }", #"did you mean "closed"?"#),
    ("{ workload: { connections: 'per-clent' } }", #"did you mean "per-client"?"#),
    (
      "{ find: { maximum: 'workload.clients', suchThat: 'p99 < 1s', between: [1.5, 3.5] } }",
      "workload.clients: found 1.5 at find's value workload.clients=1.5, allowed a whole number"
    ),
    (
      """
      { sweep: { replicas: [3, 5] },
        find: { maximum: 'workload.clients', suchThat: 'p99 < 1s', between: [0.5, 3.5] } }
      """, "at the sweep's point replicas=3 and find's value workload.clients=0.5"
    ),
    ("{ sweep: { zip: [] } }", "sweep.zip: found [], allowed lists of equal length by path"),
    ("{ workload: { distribution: 'zipf' } }", "; zipfian needs its numbers: { zipfian: 0.99 }"),
    (
      "{ workload: { distribution: { latest: true } } }",
      #"found { "latest": true }, allowed "uniform", "latest", { zipfian: 0.99 }"#
    ),
    (
      "{ expect: ['avg(raft.p99) < 5ms'] }",
      #"found "avg", allowed a function over the trials before (: mean, median, min, max, low, high"#
    ),
    ("{ expect: ['maxx(p99) < 5ms'] }", #"did you mean "max"?"#),
    ("{ expect: ['(p99 < 5ms'] }", "found the end of the condition, allowed a ) here"),
    ("{ expect: ['(p99 < 5ms or p50 < 1ms; p95'] }", "expect[0]: found"),
    (
      "{ sessionExpiry: '5s', workload: { timeout: '2s' } }",
      "sessionExpiry: found \"5s\", allowed at least 20s: a second, and 10 times the clients' timeout of 2s"
    ),
    ("{ probe: 5 }", #"probe: found 5, allowed { rate: "200/s" } or "off""#),
    ("{ disk: [] }", #"disk: found [], allowed "none" or { fsync: "1ms""#),
    ("{ network: 'lan' }", #"network: found "lan", allowed an object, such as { preset: "lan" }"#),
    ("{ workload: { arrival: { open: '1e4/s' } } }", "with all digits written out"),
    ("{ duration: '1e1s' }", "in ns, us, ms, s or m, with all digits written out"),
    ("{ workload: { valueSize: '1E2B' } }", "with all digits written out"),
    ("{ seed: 1e17 }", "seed: found 1e+17, allowed a whole number"),
    ("{ trials: + }", #"found "+", allowed a number"#),
  ])
func impossible(text: String, expected: String) { expectRefusal(text, saying: expected) }

@Test("A known name that is refused for another reason is not suggested again")
func knownNames() {
  let line = refusal("{ trials: { max: 9, until: 'verdict ±2%' } }")
  #expect(line.hasPrefix("x.json5: trials.until: found \"verdict\", allowed a metric"))
  #expect(!line.contains("did you mean"))
}

@Test("A seed may be written with a power of ten, as any other whole number")
func seedWithPower() throws { #expect(try experiment("{ seed: 1e3 }").seed == 1000) }

@Test("A search may have a whole number at one end and a fraction at the other")
func mixedEnds() throws {
  for between in ["[0.25, 1]", "[1, 1.5]"] {
    let text =
      "{ find: { maximum: 'workload.distribution.zipfian', suchThat: 'p99 < 1s', between: \(between) } }"
    #expect(try plan(text).points.count > 2)
  }
  let late = try plan(
    """
    { find: { maximum: 'faults.k.at', suchThat: 'p99 < 1s', between: ['20%', '80%'], within: '50%' },
      faults: [{ name: 'k', at: '2s', crash: 0, for: '1s' }] }
    """)
  #expect(late.points.map { $0.values[0].text } == ["20%", "30%", "45%", "67.5%", "80%"])
  expectRefusal(
    "{ find: { maximum: 'workload.clients', suchThat: 'p99 < 1s', between: [1, 8.5] } }",
    saying:
      "workload.clients: found 1.02 at find's value workload.clients=1.02, allowed a whole number")
}
