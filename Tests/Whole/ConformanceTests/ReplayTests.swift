import Foundation
import ProtocolList
import Simulation
import Testing
import Trials

/// Reads the settings of the sweeps from the environment.
enum SweepRequest {
  static func number(_ name: String) -> UInt64? {
    ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
  }

  /// The number of seeds in each protocol's sweep: `CONFORMANCE_SEEDS`, or 200.
  static var seedCount: UInt64 { number("CONFORMANCE_SEEDS") ?? 200 }
  /// The first seed: `CONFORMANCE_FIRST_SEED`, or 1.
  static var firstSeed: UInt64 { number("CONFORMANCE_FIRST_SEED") ?? 1 }
  static var seeds: ClosedRange<UInt64> { firstSeed...firstSeed + seedCount - 1 }
  static var protocolName: String? { ProcessInfo.processInfo.environment["CONFORMANCE_PROTOCOL"] }
  /// The protocols that are swept: `CONFORMANCE_PROTOCOL`, or all.
  static var kinds: [ProtocolKind] {
    guard let protocolName else { return ProtocolKind.allCases }
    guard let kind = ProtocolKind(rawValue: protocolName) else {
      let names = ProtocolKind.allCases.map(\.name).joined(separator: ", ")
      preconditionFailure("CONFORMANCE_PROTOCOL: found \(protocolName), allowed \(names)")
    }
    return [kind]
  }
  static var bug: String? { ProcessInfo.processInfo.environment["CONFORMANCE_BUG"] }
}

@Suite("Replay")
struct ReplayTests {
  @Test(
    "Replays the trial of a sweep given by CONFORMANCE_PROTOCOL and CONFORMANCE_SEED",
    .enabled(if: SweepRequest.number("CONFORMANCE_SEED") != nil))
  func replay() throws {
    let kind = try #require(ProtocolKind(rawValue: SweepRequest.protocolName ?? ""))
    let seed = try #require(SweepRequest.number("CONFORMANCE_SEED"))
    let findings = SwarmTrial.run(kind, SwarmPlan(seed: seed), bug: SweepRequest.bug)
    print("\(findings.plan), \(findings.record.eventsProcessed) events")
    for fault in findings.record.faults { print("\(fault)") }
    for sample in findings.record.leadership { print("\(sample.timeNs / 1_000) us: \(sample)") }
    print("verdict: \(findings.verdict)")
    #expect(findings.safetyProblems.isEmpty)
    #expect(findings.livenessProblems.isEmpty)
  }
}
