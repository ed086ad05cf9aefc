import Foundation
import Testing

@testable import Report

@Suite("The answer in words")
struct AnswerTests {
  /// The words without markup.
  private func answer(_ sample: SampleRun) throws -> String {
    let folder = try Folder()
    let run = try RunData(directory: sample.write(below: folder.url))
    return Answer(run).html.text.replacing(#/<[^>]*>/#, with: "")
  }

  @Test("The answer names the leader in each metric, with the intervals of summary.csv")
  func leaders() throws {
    let text = try answer(SampleRun())
    #expect(
      text.contains(
        "Highest throughput: raft, 1004/s (1002 to 1006); worse: chain-replication, 504/s (502 to 506)"
      ))
    #expect(text.contains("Shortest outage: chain-replication, 104 ms"))
    #expect(text.contains("No protocol is best in everything."))
    #expect(text.contains("bytes per operation (400 B)"))
    #expect(text.contains("All 14 trials, 7 of each row, are linearizable"))
    #expect(text.contains("no acknowledged write was lost"))
  }

  @Test("The measures in which the best protocol does not lead are told with all their leaders")
  func others() throws {
    var sample = SampleRun(protocols: ["raft", "multi-paxos", "chain-replication"])
    sample.metrics = { name, _, trial in
      let isChain = name == "chain-replication"
      return [
        "throughput": (isChain ? 500 : 1000) + Double(trial),
        "read_p99_us": (isChain ? 500 : 900) + Double(trial),
        "messages_per_op": (isChain ? 2 : 4) + Double(trial) / 100,
      ]
    }
    let text = try answer(sample)
    #expect(
      text.contains(
        "chain-replication is the best, or level with it, in 2 of the 3 measures in which the "
          + "protocols differ."))
    #expect(
      text.contains(
        "chain-replication for p99 of reads (0.504 ms, worse 0.904 ms) and messages per operation "
          + "(2.04, worse 4.04); needs 3 nodes in all"))
    #expect(text.contains("raft or multi-paxos for throughput (1004/s, worse 504/s); each needs 3"))
  }

  @Test(
    "A protocol that violates, or may violate, is named and never ranked",
    arguments: ["violated", "undecided"])
  func violated(verdict: String) throws {
    var sample = SampleRun(protocols: ["raft", "multi-paxos", "chain-replication"])
    sample.verdicts = ["chain-replication": verdict]
    let text = try answer(sample)
    #expect(text.contains("Not every verdict holds."))
    #expect(text.contains("chain-replication \(verdict == "violated" ? "violates" : "could not")"))
    #expect(text.contains("in 7 of 7 trials"))
    #expect(!text.contains("Shortest outage: chain-replication"))
    #expect(!text.contains("chain-replication, 5"))
    sample.protocols = ["chain-replication"]
    #expect(try answer(sample).contains("No protocol on this page can be recommended"))
  }

  @Test("Fewer than three trials give no ranking")
  func fewTrials() throws {
    let text = try answer(SampleRun(trials: 2))
    #expect(text.contains("Too few trials to tell, because a comparison needs at least 3."))
    #expect(!text.contains("Highest throughput"))
  }

  @Test("The page says whether the experiment's expectations hold, and which do not")
  func expectations() throws {
    var sample = SampleRun()
    #expect(try !answer(sample).contains("expectation"))
    sample.expectations = [
      ("*.verdict == linearizable", "raft", true), ("*.verdict == linearizable", "chain", true),
      ("throughput > 1", "raft", true),
    ]
    #expect(try answer(sample).contains("All 2 expectations of the experiment hold."))
    #expect(try answer(sample).contains("raftholds1"))
    sample.expectations[0].holds = false
    #expect(
      try answer(sample).contains(
        "1 of the 2 expectations of the experiment does not hold:*.verdict == linearizable"))
    sample.isComplete = false
    let partial = try answer(sample)
    #expect(partial.contains("The run was interrupted, so the experiment's 2 expectations are not"))
    #expect(!partial.contains("does not hold"))
  }

  @Test("Faults after which goodput does not come back are told by row; other rows are left out")
  func metastable() throws {
    var sample = SampleRun(sweepPath: "workload.clients", points: ["8", "64"])
    #expect(try !answer(sample).contains("Metastable"))
    sample.metrics = { name, point, trial in
      ["metastable_faults": name == "raft" && point == 1 ? 1 : 0, "throughput": Double(trial)]
    }
    let text = try answer(sample)
    let table = try #require(text.firstRange(of: "Metastable"))
    let rows = text[table.lowerBound...]
    #expect(rows.contains("64") && rows.contains("1.00") && !rows.prefix(400).contains("\n8"))
  }

  @Test("With five trials a sign test cannot tell availabilities apart, and the page says so")
  func fewSigns() throws {
    for (trials, said) in [(5, true), (6, false)] {
      var sample = SampleRun(trials: trials)
      sample.metrics = { _, _, trial in ["availability": 0.9 + Double(trial) / 1000] }
      #expect(try answer(sample).contains("Too few trials to tell: availability") == said)
    }
  }

  @Test("A difference that may be chance is not called different")
  func level() throws {
    var sample = SampleRun()
    sample.metrics = { name, _, trial in
      ["throughput": 1000 + (name == "raft" ? 1 : -1) * [3.0, -4, 2, -3, 2][trial % 5]]
    }
    let text = try answer(sample)
    #expect(
      text.contains(
        "No difference that these trials can tell between raft and chain-replication in any measure"
      ))
    #expect(text.contains("No difference that these trials can tell: throughput (1000/s)"))
  }

  @Test("A protocol whose trials vary too much to be told from the best does not share its lead")
  func scattered() throws {
    var sample = SampleRun(protocols: ["raft", "multi-paxos", "chain-replication"])
    sample.metrics = { name, _, trial in
      let outage: Double =
        switch name {
        case "raft": 100 + Double(trial % 3)
        case "multi-paxos": 101 + Double(trial % 2)
        default: trial % 2 == 0 ? 20 : 900
        }
      return ["longest_outage_ms": outage]
    }
    let folder = try Folder()
    let run = try RunData(directory: sample.write(below: folder.url))
    let standing = try #require(Standing.all(run).first { $0.metric.name == "longest_outage_ms" })
    #expect(standing.ranked.last?.name == "chain-replication")
    #expect(standing.scattered.map(\.name) == ["chain-replication"])
    #expect(!standing.leaders.map(\.name).contains("chain-replication"))
  }

  @Test("Holm's correction counts all comparisons of the page")
  func correction() throws {
    var sample = SampleRun(protocols: [
      "raft", "multi-paxos", "primary-backup", "chain-replication",
    ])
    // Alone, the difference in one metric would have p = 0.02 or so; it is not significant among
    // this many comparisons.
    sample.metrics = { name, _, trial in
      let index = Double(["raft": 0, "multi-paxos": 1, "primary-backup": 2][name] ?? 3)
      return [
        "throughput": 1000 + (name == "raft" ? [9.0, 10, 12, 1, -4][trial % 5] : 0)
          + [1.0, -1, 1.5, 2, -2][trial % 5] * index,
        "read_p99_us": 500 + [7.0, -3, index, 4, 2][trial % 5],
        "write_p99_us": 500 + [7.0, -3, index, 4, 2][trial % 5],
      ]
    }
    let folder = try Folder()
    let run = try RunData(directory: sample.write(below: folder.url))
    let all = Standing.all(run)
    let throughput = try #require(all.first { $0.metric.name == "throughput" })
    let alone = try #require(Standing(.throughput, run.groups, point: 0))
    #expect(throughput.corrected.count == 3 && alone.corrected.isEmpty)
    #expect(all.flatMap(\.corrected).count > 3)
    #expect(throughput.corrected.allSatisfy { ($0 ?? 0) > 0.05 })
  }

  @Test("The baseline without replication is mentioned, and leads in no metric")
  func baseline() throws {
    var sample = SampleRun(protocols: ["raft", "chain-replication", "unreplicated"])
    sample.metrics = { name, _, trial in
      ["throughput": (name == "unreplicated" ? 9000 : name == "raft" ? 2000 : 1000) + Double(trial)]
    }
    let text = try answer(sample)
    #expect(text.contains("Highest throughput: raft"))
    #expect(text.contains("For comparison, unreplicated") && text.contains("9004/s"))
  }

  @Test("For a sweep, the answer names the leader at each point")
  func sweep() throws {
    var sample = SampleRun()
    sample.sweepPath = "workload.clients"
    sample.points = ["8", "64"]
    let text = try answer(sample)
    #expect(text.contains("\n8raft 1004/s"))
    #expect(text.contains("\n64raft 1014/s"))
    #expect(text.contains("comparisons of a measure at a sweep point"))
  }
}
