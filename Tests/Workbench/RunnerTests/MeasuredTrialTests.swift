import Configuration
import Experiments
import Faults
import Linearizability
import Measurement
import ProtocolList
import Replication
import Runner
import Testing
import Trials

/// The metrics of whole simulated trials. Every reported trial also checks its numbers against each
/// other (`TrialMetrics.brokenInvariant`).
@Suite struct MeasuredTrialTests {
  private func run(_ text: String) throws -> [TrialReport] {
    let plan = try ExperimentPlan.read(text: "{ \(text) }", file: "x.json5")
    return TrialTask.all(of: plan).compactMap { TrialRunner.run($0) }
  }

  @Test(
    "Little's law: clients are throughput times latency and think time",
    arguments: ProtocolKind.allCases)
  func littlesLaw(kind: ProtocolKind) throws {
    let report = try run(
      """
      protocols: ["\(kind.name)"], workload: { clients: 23, thinkTime: "5ms" }, check: "none",
      warmUp: "1s", duration: "2s", trials: 1
      """)[0]
    let metrics = report.metrics
    let clients =
      try #require(metrics.throughput) * (try #require(metrics.latency.mean) / 1e9 + 0.005)
    #expect(abs(clients - 23) < 0.3, "\(clients)")
    #expect(metrics.availability == 1)
  }

  @Test(
    "Clients cut off from all replicas see an outage of that length without an election",
    arguments: [ProtocolKind.raft, .chainReplication])
  func cutClients(kind: ProtocolKind) throws {
    let report = try run(
      """
      protocols: ["\(kind.name)"], workload: { clients: 4, thinkTime: "2ms" },
      faults: [{ name: "cut", at: "1500ms", partition: { clients: "all" }, for: "700ms" }],
      warmUp: "1s", duration: "3s", trials: 1
      """)[0]
    let fault = report.metrics.faults[0]
    let outage = try #require(fault.outage)
    // Messages sent during the cut arrive with a retransmission after it.
    #expect((690...1_200).contains(outage.milliseconds), "\(outage)")
    #expect(fault.detection == nil && fault.election == nil)
    #expect(report.observation.faults[0].name == "cut")
    #expect(report.observation.faults[0].nodes == [0, 1, 2])
    #expect(report.verdict == .consistent(.linearizable))
  }

  /// A trial in which values of 64 KiB keep the interface of the node in charge busy.
  private func saturated(
    _ kind: ProtocolKind, _ network: String, faults: String = ""
  ) throws -> TrialReport {
    try run(
      """
      protocols: ["\(kind.name)"], check: "none", network: { preset: "lan", \(network) },
      workload: { clients: 16, mix: { put: 1 }, keys: 16, valueSize: "64KiB", timeout: "10s" },
      faults: [\(faults)], warmUp: "500ms", duration: "1500ms", trials: 1
      """)[0]
  }

  @Test("A server without replicas receives at its whole rate and no more")
  func ingress() throws {
    let report = try saturated(.unreplicated, "nic: \"1Gbps\"")
    let use = try #require(report.observation.nodes[0].ingress)
    let share = Double(use.bytes) / use.mostBytes
    #expect(share > 0.95 && share <= 1.000_001, "\(share)")
    #expect(abs(use.time.seconds - 1) < 0.02)
  }

  @Test(
    "A busy interface sends and receives its rate and no more, whatever else happens",
    arguments: [
      "", "{ at: \"600ms\", link: \"all\", bandwidth: \"50Mbps\", for: \"300ms\" }",
      "{ at: \"400ms\", partition: \"minority-with-leader\", for: \"500ms\" }",
    ])
  func rates(faults: String) throws {
    for network in ["nic: \"1Gbps\"", "nic: \"200Mbps\", transport: \"datagram\""] {
      let report = try saturated(.raft, network, faults: faults)
      let (record, metrics) = (report.observation, report.metrics)
      let uses = record.nodes.flatMap { [$0.egress, $0.ingress] }.compactMap { $0 }
      #expect(uses.count == 2 * record.nodes.count)
      let shares = uses.map { Double($0.bytes) / $0.mostBytes }
      #expect(shares.allSatisfy { $0 <= 1.000_001 })
      // Without faults the leader sends all the time, but hardly uses the packets' share.
      if faults.isEmpty { #expect(shares.max()! > 0.95, "\(shares)") }
      // At half of its rate the busiest interface could not have handled these bytes.
      var slower = record
      for number in slower.nodes.indices {
        slower.nodes[number].egress?.rate /= 2
        slower.nodes[number].ingress?.rate /= 2
      }
      #expect(metrics.brokenInvariant(in: record) == nil)
      #expect((metrics.brokenInvariant(in: slower) == nil) == (shares.max()! < 0.5))
    }
  }

  @Test("A load in phases comes due at the rate of the phase in every window")
  func phases() throws {
    let report = try run(
      """
      protocols: ["unreplicated"], warmUp: "1s", duration: "5s", trials: 1, window: "500ms", workload: {
        arrival: { phases: [{ for: "1s", open: "100/s" }, { for: "2s", ramp: ["0/s", "400/s"] },
          { for: "500ms", open: "1000/s" }, { for: "500ms", open: "0/s" }, { for: "1s", open: "20/s" }],
          process: "constant" } }
      """)[0]
    let due = report.metrics.timeline.windows.map(\.due)
    let expected = [25, 75, 125, 175, 500, 0, 10, 10]
    #expect(due.count == expected.count)
    #expect(zip(due, expected).allSatisfy { abs($0 - $1) <= 1 }, "\(due)")
  }

  @Test("The leader is the one at the window's start, and a failover's phases come in order")
  func failover() throws {
    let report = try run(
      """
      protocols: ["raft"], workload: { clients: 4, thinkTime: "2ms" }, check: "none",
      faults: [{ at: "1550ms", crash: "leader", for: "1s" }], warmUp: "1s", duration: "3s", trials: 1
      """)[0]
    let windows = report.metrics.timeline.windows
    let old = report.observation.faults[0].nodes[0]
    #expect(windows.prefix(6).allSatisfy { $0.leader == old && $0.leaderChanges == 0 })
    #expect(windows[6].leader == nil)
    #expect(windows.map(\.leaderChanges).reduce(0, +) >= 1)
    let fault = report.metrics.faults[0]
    let detection = try #require(fault.detection)
    let election = try #require(fault.election)
    let firstAcknowledgement = try #require(fault.firstAcknowledgement)
    let recovery = try #require(fault.timeToRecover)
    #expect(detection >= .milliseconds(50) && detection <= election)
    #expect(election <= firstAcknowledgement && firstAcknowledgement <= recovery)
    // No operation is answered between the window of the crash and the election.
    let start = report.observation.faults[0].startNs
    for window in windows
    where window.startNs > start && window.startNs + window.lengthNs < start + election.nanoseconds
    {
      #expect(window.ok == 0 && window.leader == nil)
    }
  }

  @Test("A chain without its head has an outage of writes but not of reads")
  func chain() throws {
    let report = try run(
      """
      protocols: ["chain-replication"], workload: { clients: 1000, arrival: { open: "1000/s" } },
      check: "none", faults: [{ at: "2s", crash: "leader" }], warmUp: "1s", duration: "4s", trials: 1
      """)[0]
    let fault = report.metrics.faults[0]
    #expect(try #require(fault.writeOutage) > .milliseconds(100))
    #expect(try #require(fault.readOutage) < .milliseconds(20))
  }

  @Test(
    "A service that is down for 0.8 of 2 s is 60 % available in both loops, and p99 is no less for a shorter timeout"
  )
  func loops() throws {
    var p99: [LatencyDistribution.Value] = []
    for timeout in ["250ms", "100ms"] {
      for workload in ["clients: 4", "clients: 1000, arrival: { open: \"1000/s\" }"] {
        let metrics = try run(
          """
          protocols: ["unreplicated"], check: "none", slo: { latency: "20ms" },
          workload: { \(workload), timeout: "\(timeout)" },
          faults: [{ at: "1500ms", crash: "leader", for: "800ms" }],
          warmUp: "1s", duration: "3s", trials: 1
          """)[0].metrics
        #expect(abs(try #require(metrics.availability) - 0.6) < 0.06, "\(workload) \(timeout)")
        if workload != "clients: 4" { p99.append(metrics.latency.percentile(99)!) }
      }
    }
    #expect(p99.allSatisfy { $0.isLowerBound && $0.time > .milliseconds(750) })
  }
}
