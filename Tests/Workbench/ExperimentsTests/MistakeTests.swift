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
  ])
func impossible(text: String, expected: String) { expectRefusal(text, saying: expected) }
