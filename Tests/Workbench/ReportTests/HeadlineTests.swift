import Foundation
import Testing

@testable import Report

@Suite("The first sentences answer the question of the experiment")
struct HeadlineTests {
  private func run(_ sample: SampleRun) throws -> RunData {
    let folder = try Folder()
    return try RunData(directory: sample.write(below: folder.url))
  }

  /// The first sentences without markup, each on a line.
  private func lead(_ sample: SampleRun) throws -> [String] {
    try Answer(run(sample)).headline.text.components(separatedBy: "</p>").dropLast()
      .map { $0.replacing(#/<[^>]*>/#, with: "") }
  }

  private let three = ["raft", "multi-paxos", "chain-replication"]

  @Test("With faults, outage and recovery come first, from the best to the worst")
  func faults() throws {
    var sample = SampleRun(protocols: ["raft", "chain-replication", "unreplicated"])
    sample.expect = ["raft.throughput > chain-replication.throughput", "*.outage_ms < 500"]
    let lead = try lead(sample)
    try #require(lead.count == 3)
    #expect(
      lead[0]
        == "Shortest outage: chain-replication 104 ms; worse: raft 204 ms; for comparison, without "
        + "replication: unreplicated 104 ms.")
    #expect(lead[1].hasPrefix("First to recover: chain-replication 105 ms; worse: raft 210 ms;"))
    #expect(lead[2].hasPrefix("Highest throughput: raft 1004/s"))
  }

  @Test("Without faults, the measures that expectations are about, most frequent first")
  func asked() throws {
    var sample = SampleRun()
    sample.hasFaults = false
    #expect(try Question(run(sample)).metrics.map(\.name) == ["throughput"])
    // The load of an open loop is the same for all protocols.
    sample.arrival = "{ \"open\": \"1000/s\" }"
    #expect(try Question(run(sample)).metrics.map(\.name) == ["read_p99_us", "write_p99_us"])
    sample.arrival = nil
    sample.expect = [
      "*.availability > 0.9", "raft.messages_per_op > 1.5 * chain-replication.messages_per_op",
      "raft.write_p50 < 5ms", "raft.write_p50[workload.x=throughput] > 1", "max(*.write_p50) < 1s",
    ]
    #expect(
      try Question(run(sample)).metrics.map(\.name) == [
        "write_p50_us", "messages_per_op", "availability",
      ])
    #expect(try lead(sample)[0] == "Writes, median: 0.0010 ms with each protocol.")
  }

  @Test("Differences that may be chance, and trials too few to tell, are called so")
  func level() throws {
    var sample = SampleRun(protocols: three)
    sample.metrics = { name, _, trial in
      ["longest_outage_ms": 200 + (name == "raft" ? 1 : -1) * [30.0, -40, 20, -30, 20][trial % 5]]
    }
    #expect(try lead(sample)[0].hasSuffix("; no difference that these trials can tell."))
    sample.trials = 2
    #expect(try lead(sample)[0].hasSuffix("; too few trials to tell."))
  }

  @Test("A sweep's sentence says where the order changes, and a table has the numbers")
  func sweep() throws {
    var sample = SampleRun(protocols: three, sweepPath: "workload.valueSize")
    sample.points = ["128B", "1KiB", "8KiB", "64KiB"]
    sample.hasFaults = false
    sample.metrics = { name, point, trial in
      let isChain = name == "chain-replication"
      let rates = isChain ? [500.0, 400, 300, 200] : [1000, 900, 100, 50]
      return ["throughput": rates[point] + Double(trial)]
    }
    #expect(
      try lead(sample) == [
        "Throughput over workload.valueSize: from 128B to 64KiB raft 1004/s to 54/s (within 5 % of "
          + "it: multi-paxos), chain-replication 504/s to 204/s.",
        "Highest throughput over workload.valueSize: raft and multi-paxos from 128B to 1KiB (1004/s "
          + "to 904/s), chain-replication from 8KiB to 64KiB (304/s to 204/s).",
      ])
    let table = try Answer(run(sample)).sweepTables.text
    #expect(
      table.contains("<th scope=row>raft<td><strong>1004</strong><td><strong>904</strong><td>104"))
    sample.points = ["ycsb-a", "ycsb-b", "ycsb-c", "ycsb-d"]
    // Values without an order have no effect from the first to the last.
    #expect(try lead(sample)[0].contains("raft and multi-paxos at ycsb-a and ycsb-b (1004/s"))
  }

  @Test("A sweep of the load says how much each protocol carries within the SLO")
  func load() throws {
    var sample = SampleRun(protocols: three, sweepPath: "workload.arrival.open")
    sample.points = ["1000/s", "4000/s", "2000/s"]
    sample.hasFaults = false
    sample.metrics = { name, point, _ in
      let shares =
        name == "raft" ? [1, 0.2, 0.995] : name == "multi-paxos" ? [1, 1, 1] : [0.9, 1, 1]
      return ["availability": shares[point]]
    }
    #expect(
      try lead(sample)[0]
        == "Most load at which 99 % or more are answered within 100ms: multi-paxos 4000/s, the most "
        + "that was tried; raft 2000/s; chain-replication not even 1000/s.")
  }

  @Test("The verdict stands first where faults are drawn at random, since it is what is asked for")
  func safety() throws {
    var sample = SampleRun()
    func start() throws -> String { String(try Answer(run(sample)).html.text.prefix(30)) }
    #expect(try start().hasPrefix("<p class=lead>"))
    sample.chaos = true
    #expect(try start().hasPrefix("<p class=\"verdict good\">"))
  }

  @Test("A search's sentence has the threshold of each row, the best first")
  func search() throws {
    var sample = SampleRun(protocols: three, sweepPath: "workload.clients")
    sample.points = ["8", "64"]
    sample.searches = [
      ("raft", "64", "80"), ("multi-paxos", "", "8"), ("chain-replication", "512", ""),
    ]
    #expect(
      try lead(sample) == [
        "Largest workload.clients at which read_p99 &lt; 10ms: chain-replication 512, the last value "
          + "tried; raft 64 (not at 80); multi-paxos at no value tried."
      ])
  }

  @Test("A search over a sweep has a sentence for each of the other swept values")
  func searches() throws {
    var run = try run(SampleRun(protocols: three))
    run.sweepPaths = ["overload", "workload.arrival.open"]
    run.searches = ["none", "backoff"].map { place in
      SearchResult(
        protocolName: "raft", place: [place], path: "workload.arrival.open",
        condition: "availability > 0.5", found: "2000/s", failsAt: "2200/s")
    }
    let text = Answer(run).headline.text.replacing(#/<[^>]*>/#, with: "")
    #expect(
      text.contains("availability &gt; 0.5, at overload = backoff: raft 2000/s (not at 2200/s)."))
  }

  @Test("If the experiment asks for it, the values at which goodput stays away are named")
  func metastable() throws {
    var sample = SampleRun(sweepPath: "overload", points: ["none", "retry-budget"])
    sample.expect = ["raft.metastable_faults == 0"]
    #expect(try lead(sample)[0] == "Goodput came back after every fault, in every row.")
    sample.metrics = { name, point, _ in
      ["metastable_faults": name == "raft" && point == 0 ? 1 : 0]
    }
    #expect(
      try lead(sample)[0]
        == "Goodput stayed away after the fault in 1 of 4 rows; by overload: none (1 of 2 rows); "
        + "always back with retry-budget.")
  }

  @Test("The nodes of an authority count, in the words and in the table")
  func nodes() throws {
    var sample = SampleRun(protocols: three)
    sample.authority = ["chain-replication"]
    let run = try run(sample)
    #expect(
      Answer(run).nodes.text.replacing(#/<[^>]*>/#, with: "")
        == "Nodes in all: 3 nodes for raft and multi-paxos; 6 nodes for chain-replication (3 replicas, "
        + "and 3 nodes of the authority that decides which of them are in charge).")
    let table = SummarySection(run: run, palette: Palette(run.protocols)).html.text
    #expect(table.contains("<td class=k data-v=6>6<small>3 + 3</small>"))
    let text = Answer(run).html.text.replacing(#/<[^>]*>/#, with: "")
    #expect(text.contains("; multi-paxos needs 3 nodes in all, chain-replication 6"))
  }

  @Test("Several kinds of faults are told one by one, with the fate of a crashed node's disk")
  func kinds() throws {
    var sample = SampleRun()
    sample.disk = "torn"
    let kinds = try FaultReport(
      run: run(sample), palette: Palette(sample.protocols), point: 0
    ).kinds
    #expect(kinds.map(\.label) == ["crash leader, disk torn @0.5\u{A0}s"])
    sample.faultName = "kill.2"
    let named = try FaultReport(
      run: run(sample), palette: Palette(sample.protocols), point: 0
    ).kinds
    #expect(named.map(\.label) == ["kill: crash leader, disk torn @0.5\u{A0}s"])
    sample.faultName = "crash-leader"
    #expect(try run(sample).groups[0].trials[0].faults[0].title == "crash leader, disk torn")
    // An unnamed fault has its kind and target once, hyphens or not.
    let split = Fault(
      kind: "partition", target: "minority-with-leader", node: "", startMs: 0, times: [:],
      recovery: "")
    #expect(split.title == "partition minority-with-leader")
    sample.faultName = "kill.2"
    #expect(try Answer(run(sample)).outagesByFault.isEmpty)
    var two = try run(sample)
    for group in two.groups.indices {
      for trial in two.groups[group].trials.indices {
        var fault = two.groups[group].trials[trial].faults[0]
        (fault.givenName, fault.startMs) = ("again", 1500)
        if group == 0 { fault.times = ["read_outage_ms": 0, "write_outage_ms": 0] }
        two.groups[group].trials[trial].faults.append(fault)
      }
    }
    let text = Answer(two).outagesByFault.text.replacing(#/<[^>]*>/#, with: "")
    #expect(text.contains("again: crash leader, disk torn @1.5\u{A0}s: none with raft; chain-rep"))
    // The median is 0, but one of the trials had an outage.
    two.groups[0].trials[0].faults[1].times["write_outage_ms"] = 405
    let once = Answer(two).outagesByFault.text.replacing(#/<[^>]*>/#, with: "")
    #expect(once.contains("torn @1.5\u{A0}s: raft mostly none, but up to 405 ms, chain-rep"))
  }

  @Test("With many kinds of faults, those that a protocol stands without an outage are counted")
  func manyKinds() throws {
    var run = try run(SampleRun())
    for group in run.groups.indices {
      for trial in run.groups[group].trials.indices {
        let fault = run.groups[group].trials[trial].faults[0]
        run.groups[group].trials[trial].faults = (0..<7).map { kind in
          var other = fault
          (other.givenName, other.startMs) = ("level\(kind)", 100 * Double(kind))
          let isOut = group == 0 || kind == 6
          other.times = ["read_outage_ms": isOut ? 50 : 0, "write_outage_ms": isOut ? 70 : 0]
          return other
        }
      }
    }
    let answer = Answer(run)
    func text(_ html: HTML) -> String { html.text.replacing(#/<[^>]*>/#, with: "") }
    #expect(
      text(answer.headline).hasPrefix(
        "No outage in the median over trials: chain-replication by 6 of 7, raft by 0 of 7 kinds"))
    #expect(
      text(answer.outagesByFault).contains(
        "chain-replication: level6: crash leader, disk kept @0.6\u{A0}s 70.0 ms"))
  }

  @Test("A test that can find no difference says nothing of the order over a sweep")
  func untold() throws {
    var sample = SampleRun(sweepPath: "workload.keys", points: ["8", "64"])
    sample.hasFaults = false
    sample.expect = ["raft.availability > chain-replication.availability"]
    sample.metrics = { name, _, _ in ["availability": name == "raft" ? 0.9 : 0.8] }
    #expect(try lead(sample).contains { $0.hasPrefix("Most available over workload.keys") })
    // The sign test needs six trials.
    sample.trials = 5
    #expect(try !lead(sample).contains { $0.hasPrefix("Most available") })
    #expect(
      try lead(sample)[0].hasPrefix("Availability over workload.keys: from 8 to 64 raft 90.00"))
  }

  @Test("The heat map tells reads and writes apart, and an unknown recovery is not coloured")
  func heat() throws {
    var run = try run(SampleRun())
    func map() -> String {
      FaultReport(run: run, palette: Palette(run.protocols), point: 0).html.text
    }
    #expect(map().contains(">204 / 190"))
    for group in run.groups.indices {
      for trial in run.groups[group].trials.indices {
        run.groups[group].trials[trial].faults[0].times["recover_ms"] = nil
        run.groups[group].trials[trial].faults[0].recovery = group == 0 ? "unknown" : "never"
      }
    }
    let recovery = map().components(separatedBy: "Time to recover, ms").last ?? ""
    #expect(recovery.contains("style=\"--heat:0%\">7 unknown"))
    #expect(recovery.contains(":100%\">7 never"))
  }

  @Test("Words are explained by the definitions of their columns, for the run's kind of load")
  func words() throws {
    let words = try Answer(run(SampleRun())).words.text
    #expect(words.contains("<dt>availability<dd>1 - the share of the clients&#39; time in which"))
    #expect(words.contains("<dt>outage<dd>longest time without an acknowledged read"))
    #expect(
      words.contains("<dt>recovery<dd>the time from the fault&#39;s start until throughput is back")
    )
    #expect(words.contains("<dt>SLO<dd>") && words.contains("within 100ms"))
    var sample = SampleRun()
    sample.hasFaults = false
    #expect(try !Answer(run(sample)).words.text.contains("<dt>outage"))
  }

  @Test("Numbers have the digits that their interval supports")
  func digits() {
    #expect(Interval(mean: 205.123, low: 203.4, high: 208.1).meanText(.milliseconds) == "205")
    #expect(
      Interval(mean: 2.3456, low: 2.2, high: 2.5).phrase(.milliseconds) == "2.35 ms (2.20 to 2.50)")
    #expect(Interval(mean: 2.3456, low: 1, high: 4).phrase(.milliseconds) == "2.3 ms (1.0 to 4.0)")
    #expect(Interval(mean: 42.31, low: 10, high: 80).phrase(.milliseconds) == "42 ms (10 to 80)")
    #expect(Interval(mean: 9.1, low: 0, high: 19.6).meanText(.count) == "9.1")
    #expect(Interval(mean: 2.3456).meanText(.milliseconds) == "2.35")
  }
}
