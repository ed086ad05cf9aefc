import Configuration
import Experiments
import Faults
import ProtocolList
import Replication
import Testing

private func faults(_ text: String) throws -> [TimedFault] {
  try experiment("{ duration: '10s', warmUp: '2s', faults: [\(text)] }").faults.timed
}

private func times(_ text: String) throws -> [Int64] {
  try faults(text).map { $0.at.nanoseconds / 1_000_000 }
}

@Test("A fault repeats with a period, until a given time or the end of the trial")
func every() throws {
  #expect(try times("{ at: '1s', crash: 0, for: '1s', every: '3s' }") == [1000, 4000, 7000])
  #expect(try times("{ at: '1s', crash: 0, for: '1s', every: '3s', until: '7s' }") == [1000, 4000])
  #expect(try times("{ at: '1s', crash: 0, for: '1s', every: '3s', until: '7001ms' }").count == 3)
  let named = try faults("{ name: 'kill', at: '4s', crash: 0, for: '1s', every: '2s' }")
  #expect(named.map(\.name) == ["kill", "kill.2", "kill.3"])
}

@Test("A time may be a share of the trial, or relative to the warm-up or to a fault above")
func relative() throws {
  let text = """
    { name: 'kill', at: '25%', crash: 0, for: '500ms' }, { at: 'kill + 1s', pause: 1, for: '1s' },
    { name: 'cut', at: 'kill.end+2s', partition: 'bridge' }, { at: 'warmUp', pause: 0, for: '1s' },
    { at: 'cut', 'slow-cpu': 0, every: '2s', until: '90%' }
    """
  #expect(try times(text) == [2500, 3500, 5000, 2000, 5000, 7000])
  let digits =
    "{ name: '1-a', at: '3s', pause: 0 }, { at: '1-a + 2s', pause: 0 }, { at: '1-a', pause: 1 }"
  #expect(try times(digits) == [3000, 5000, 3000])
}

@Test("A fault can hit a list of targets, authority nodes and clients")
func listedTargets() throws {
  let text = """
    { at: '1s', crash: [0, 'tail'], for: '1s' }, { at: '2s', pause: 'authority', for: '1s' },
    { at: '3s', crash: ['authority:2', 'coordinator'], for: '1s' },
    { at: '4s', partition: { clients: 'leader' }, for: '1s' },
    { at: '5s', partition: [[0, 'clients'], [1, 2]], for: '1s' },
    { at: '7s', partition: [[0, 1], [1, 2]], for: '1s' }
    """
  let actions = try faults(text).map(\.action)
  #expect(actions[0] == .crash(.several([.replica(0), .tail]), disk: .kept))
  #expect(actions[0].targetText == "0+tail")
  #expect(actions[1] == .pause(.authority))
  #expect(actions[2] == .crash(.several([.authorityNode(2), .coordinator]), disk: .kept))
  #expect(actions[3] == .partition(.clients(.leader)))
  #expect(actions[4] == .partition(.groups([[0], [1, 2]], clients: 0)))
  #expect(actions[4].targetText == "0+clients|1+2")
  #expect(actions[5].targetText == "0+1|1+2")
}

@Test("Chaos begins and ends at relative times like other faults")
func chaosTimes() throws {
  let text = """
    { faults: [{ name: 'kill', at: '3s', crash: 0, for: '1s' },
      { chaos: {}, from: 'kill.end + 500ms', until: '80%' }] }
    """
  let chaos = try experiment(text).faults.chaos[0]
  #expect(chaos.from == .milliseconds(4500) && chaos.until == .seconds(8))
}

@Test("The severity of a named fault can be swept")
func severity() throws {
  let points = try plan(
    """
    { faults: [{ name: 'slow', at: '3s', disk: 'leader', slow: '1ms', for: '1s' }],
      sweep: { 'faults.slow.slow': ['1ms', '20ms'], 'faults[0].for': ['1s', '2s'] } }
    """
  ).points
  #expect(points.count == 4)
  #expect(
    points[2].experiment.faults.timed[0].action == .disk(.leader, .slow(.milliseconds(20))))
  #expect(points[3].experiment.faults.timed[0].duration == .seconds(2))
}

@Test(
  "The error for a fault's wrong time or target suggests the nearest word",
  arguments: [
    ("{ at: 'kil + 1s', pause: 1 }", #"faults[1].at: found "kil + 1s", *did you mean "kill"?"#),
    ("{ at: 'kill + 20s', pause: 1 }", "faults[1].at: found *which is 22s, allowed a time before"),
    ("{ at: '120%', pause: 1 }", "0% to 100%"),
    ("{ at: 'kill.end + x', pause: 1 }", #"faults[1].at: found "x", allowed a duration"#),
    ("{ at: '3s', pause: 1, for: '2s', every: '1s' }", "faults[1].every: found *more than 2s"),
    ("{ at: '3s', pause: 1, every: '1ms' }", "faults[1].every: found 7000 repetitions"),
    ("{ at: '3s', pause: 1, until: '5s' }", "faults[1].until: found *until only beside every"),
    ("{ at: '3s', pause: 1, every: '1s', until: '2s' }", "faults[1].until: found"),
    ("{ name: 'kill', at: '3s', pause: 1 }", "faults[1].name: found *no other fault has"),
    ("{ at: '3s', pause: [] }", "faults[1].pause: found [], allowed at least one target"),
    ("{ at: '3s', pause: [0, 0] }", "faults[1].pause[1]: found 0, allowed each target once"),
    ("{ at: '3s', pause: [0, 'tial'] }", #"faults[1].pause[1]: *did you mean "tail"?"#),
    ("{ at: '3s', pause: 'authority:3' }", "allowed authority:0 to authority:2"),
    ("{ at: '3s', partition: [[0, 'client'], [1]] }", #"did you mean "clients"?"#),
    ("{ at: '3s', partition: [['clients'], [1, 'clients']] }", "clients in one group"),
    (
      "{ at: '3s', partition: { clients: 0, isolate: 1 } }",
      "exactly one of isolate, one-way, clients"
    ),
  ])
func timeMistakes(text: String, expected: String) {
  expectRefusal(
    "{ duration: '10s', faults: [{ name: 'kill', at: '2s', crash: 0, for: '500ms' }, \(text)] }",
    saying: expected)
}

@Test("An authority target is refused without an authority, and warned of beside other protocols")
func noAuthority() throws {
  #expect(
    refusal("{ protocols: ['raft'], faults: [{ at: '1s', crash: 'authority' }] }")
      .contains("no protocol of the experiment has an authority"))
  let mixed = try plan("{ faults: [{ at: '3s', crash: 'authority:1', for: '1s' }] }")
  let alone = ProtocolKind.replicated.filter { !$0.description.needsAuthority }.map(\.name)
  let rows = alone.joined(separator: ", ")
  let sentence = "faults[0]: hits nothing in \(rows): there is no authority"
  #expect(mixed.warnings.contains { $0.description.contains(sentence) })
}
