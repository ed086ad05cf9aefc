import Foundation
import Testing

@testable import Report

@Suite("What the answer says of timeouts, of the leader and of intervals")
struct TimeoutTests {
  private func text(_ sample: SampleRun) throws -> String {
    let folder = try Folder()
    return try Report.page(of: sample.write(below: folder.url))
      .replacing(#/<(style|script)[^>]*>(.|\n)*?<\/(style|script)>/#, with: "")
      .replacing(#/<[^>]*>/#, with: "")
  }

  private let options = """
    "options": { "raft": { "electionTimeout": ["150ms", "300ms"] },
      "chain-replication": { "failureTimeout": "200ms", "ping": "40ms" } },
    """

  @Test("Outages that follow a configured timeout are said to do so, with its value")
  func timeouts() throws {
    var sample = SampleRun(protocols: ["raft", "chain-replication", "unreplicated"])
    #expect(try !text(sample).contains("follow the configured timeouts"))
    sample.fields = options
    // Raft's outage is about 204 ms, and that of the others 104 ms.
    #expect(
      try text(sample).contains(
        "follow the configured timeouts, after which a silent node is taken for dead: electionTimeout "
          + "150ms to 300ms with raft; failureTimeout 200ms with chain-replication. Other timeouts")
    )
    sample.fields = options.replacing("200ms", with: "2s")
    #expect(try text(sample).contains("150ms to 300ms with raft. Other timeouts"))
    sample.fields = options.replacing("200ms", with: "20ms").replacing("150ms", with: "100us")
      .replacing("300ms", with: "90ms")
    #expect(try !text(sample).contains("follow the configured timeouts"))
    sample.fields = options
    sample.hasFaults = false
    #expect(try !text(sample).contains("follow the configured timeouts"))
  }

  @Test("A row's own option counts before that of its protocol, and a swept one says nothing")
  func rows() throws {
    var sample = SampleRun(protocols: ["raft", "slow"])
    sample.fields =
      options + """
        "protocols": ["raft", { "name": "slow", "protocol": "raft", "options":
          { "electionTimeout": ["180ms", "190ms"] } }],
        """
    #expect(
      try text(sample).contains(
        "electionTimeout 150ms to 300ms with raft; electionTimeout 180ms to 190ms with slow."))
    sample.sweepPath = "options.raft.electionTimeout"
    sample.points = ["1", "2"]
    #expect(try !text(sample).contains("follow the configured timeouts"))
  }

  @Test("The page says who the leader of a fault is, and how intervals of skewed values are made")
  func words() throws {
    var sample = SampleRun()
    #expect(try text(sample).contains("the primary, the head of a chain"))
    #expect(try text(sample).contains("because such values are skewed: by bootstrap-t,"))
    sample.hasFaults = false
    #expect(try !text(sample).contains("the head of a chain"))
  }

  @Test("How it was run tells the length of scans, if there are any")
  func scans() throws {
    var sample = SampleRun()
    #expect(try !text(sample).contains("keys of a scan"))
    sample.workload = #""scanLength": { "uniform": [1, 100] },"#
    #expect(try text(sample).contains("keys of a scanuniform 1, 100"))
  }

  @Test("A sweep's table and words say that a single server is not ranked")
  func single() throws {
    var sample = SampleRun(
      protocols: ["raft", "unreplicated"], sweepPath: "workload.keys", points: ["8", "64"])
    sample.hasFaults = false
    let page = try text(sample)
    #expect(page.contains("unreplicated not ranked"))
    #expect(
      page.contains("unreplicated is shown for comparison: a single server survives no failure"))
    sample.protocols = ["raft", "chain-replication"]
    let other = try text(sample)
    #expect(!other.contains("replication not ranked") && !other.contains("shown for comparison"))
  }

  @Test("The titles of a sweep's charts say where their axes begin")
  func axes() throws {
    var sample = SampleRun(sweepPath: "workload.clients", points: ["8", "64"])
    sample.hasFaults = false
    let page = try text(sample)
    #expect(page.contains("Availability, axis from 9"))
    #expect(page.contains(#/Load against latency: [^\n]*, logarithmic/#))
  }
}
