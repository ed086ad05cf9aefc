@testable import ClusterControl
import ClusterMessages
import Testing
import Trials

/// Tests how a node's counts are added over its incarnations.
@Suite("Node meter") struct MeterTests {
  @Test("Counts add up over all incarnations since measuring began; the log's size does not")
  func lives() {
    var meter = NodeMeter()
    func report(_ count: Int, records: Int) -> NodeUsage {
      var counters = NodeUsage(node: 0)
      counters.syncs = count
      counters.logRecords = records
      return counters
    }
    meter.take(report(10, records: 5), incarnation: 1)
    meter.startsWithNextReport = true
    meter.take(report(15, records: 6), incarnation: 1)
    meter.take(report(40, records: 7), incarnation: 1)
    #expect(meter.measured.syncs == 25)
    meter.take(report(3, records: 9), incarnation: 2)
    #expect(meter.measured.syncs == 28)
    #expect(meter.measured.logRecords == 9)
    // The incarnations of a node that lost its disk are numbered from 1 again.
    meter.take(report(4, records: 1), incarnation: 1)
    #expect(meter.measured.syncs == 32)
  }
}
