import Faults
import Histories
import Measurement
import Replication
import Testing
import Trials

/// Faults without an end that lower the throughput of a closed loop for good.
@Suite struct LastingFaultTests {
  /// An operation each millisecond, half of them from 2 s on, and none from 6,000 to 6,300 ms.
  private func slowed(_ faults: [InjectedFault]) -> TrialRecord {
    var trial = steady(until: 10_000, faults: faults)
    trial.operations.removeAll { operation in
      let time = operation.intended / ms
      return time >= 2_000 && time % 2 == 1 || (6_000..<6_300).contains(time)
    }
    return trial
  }

  @Test("After a fault that lowers throughput for good, a later one has to reach the lower level")
  func laterFault() throws {
    let trial = slowed([fault(2_000, nil), fault(6_000, 7_000)])
    let found = faultMetrics(trial, isOpenLoop: false)
    #expect(found[0].recovery == .cutShort && found[0].timeToRecover == nil)
    #expect(found[1].recovery == .recovered)
    let time = try #require(found[1].timeToRecover)
    #expect(time >= .milliseconds(270) && time <= .milliseconds(301))
    #expect(abs(try #require(found[1].lostRequests) - 150) < 10)
  }

  @Test("So has a fault after one that began with the measured interval")
  func fromTheStart() {
    let trial = slowed([fault(0, nil), fault(6_000, 7_000)])
    let found = faultMetrics(trial, isOpenLoop: false)
    #expect(found[0].recovery == .unknown)
    #expect(found[1].recovery == .recovered)
  }

  @Test("A fault with an end changes no level: the next one has to reach that before both")
  func withEnd() {
    let trial = slowed([fault(2_000, 5_900), fault(6_000, 7_000)])
    let found = faultMetrics(trial, isOpenLoop: false)
    #expect(found[0].recovery == .cutShort && found[1].recovery == .never)
  }

  @Test("An open loop has to come back to its load, whatever the earlier fault left")
  func openLoop() {
    var trial = slowed([fault(2_000, nil), fault(6_000, 7_000)])
    trial.operations += slowed([]).operations.filter { $0.intended >= 2_000 * ms }.map {
      var lost = $0
      lost.outcome = .unknown
      return lost
    }
    trial.operations.sort { $0.intended < $1.intended }
    let found = faultMetrics(trial, isOpenLoop: true)
    #expect(found[0].recovery == .cutShort && found[1].recovery == .never)
  }
}
