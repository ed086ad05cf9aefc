import Foundation
import Histories
import Linearizability
import Testing

/// Histories recorded by other projects, with their checkers' verdicts (see `Fixtures/README.md`).
@Suite struct RecordedHistoryTests {
  private func text(_ name: String) throws -> String {
    let folder = try #require(Bundle.module.resourceURL)
    return try String(contentsOf: folder.appending(path: "Fixtures/\(name)"), encoding: .utf8)
  }

  @Test(
    "Logs of the etcd register get the known verdict",
    arguments: [("etcd_000", false), ("etcd_002", true), ("etcd_005", true)])
  func etcd(name: String, isLinearizable: Bool) throws {
    let history = try JepsenLog.operations(text("\(name).log"))
    #expect(history.count > 70)
    let verdict = ConsistencyCheck().verdict(of: history)
    #expect(verdict.name == (isLinearizable ? "linearizable" : "violated"))
  }

  @Test(
    "Key-value histories with appends get the known verdict",
    arguments: [("kv-c01-ok", true), ("kv-c01-bad", false), ("kv-c10-bad", false)])
  func keyValue(name: String, isLinearizable: Bool) throws {
    let history = try JepsenHistory.operations(edn: text("\(name).edn"))
    #expect(history.count >= 38)
    let verdict = ConsistencyCheck().verdict(of: history)
    #expect(verdict.name == (isLinearizable ? "linearizable" : "violated"))
    if case .violated(let counterexample) = verdict {
      let again = ConsistencyCheck().verdict(of: counterexample.operations)
      #expect(isViolated(again))
      #expect(counterexample.culprit.map(counterexample.operations.contains) == true)
    }
  }

  @Test("A history gets the same verdict at every level after writing and reading it")
  func roundTrip() throws {
    var dice = Dice(21)
    let mixtures = AgreementTests.mixtures.map(\.1)
    for round in 0..<300 {
      let history = randomHistory(&dice, mixtures[round % mixtures.count])
      let again = try JepsenHistory.operations(edn: JepsenHistory.edn(history))
      #expect(again.count == history.count)
      for level in [Consistency.linearizable, .sequential, .eventual] {
        let check = ConsistencyCheck(level)
        #expect(check.verdict(of: history).name == check.verdict(of: again).name, "\(history)")
      }
    }
  }
}
