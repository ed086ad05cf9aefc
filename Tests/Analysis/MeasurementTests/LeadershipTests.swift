import Faults
import Histories
import Measurement
import Primitives
import Replication
import Testing
import Trials

@Suite struct LeadershipTests {
  @Test("Detection is the first newer epoch, and election the first leader after that")
  func crash() {
    var trial = steady(until: 5_000, down: [2_000..<2_300], faults: [fault(2_000, 3_000)])
    trial.leadership = [
      LeadershipSample(timeNs: 0, leader: nil, epoch: 0),
      LeadershipSample(timeNs: 150 * ms, leader: 1, epoch: 1),
      LeadershipSample(timeNs: 2_001 * ms, leader: nil, epoch: 1),
      LeadershipSample(timeNs: 2_200 * ms, leader: nil, epoch: 1, newestEpoch: 2),
      LeadershipSample(timeNs: 2_250 * ms, leader: 2, epoch: 2),
      LeadershipSample(timeNs: 4_900 * ms, leader: 0, epoch: 3),
    ]
    let found = faultMetrics(trial)[0]
    #expect(found.detection == .milliseconds(200) && found.election == .milliseconds(250))
  }

  @Test("A leader that is only cut off is replaced by one with a newer epoch")
  func partition() {
    var trial = steady(until: 5_000, down: [2_000..<2_300], faults: [fault(2_000, 3_000)])
    trial.leadership = [
      LeadershipSample(timeNs: 0, leader: 1, epoch: 1),
      LeadershipSample(timeNs: 2_200 * ms, leader: 1, epoch: 1, newestEpoch: 2),
      LeadershipSample(timeNs: 2_250 * ms, leader: 2, epoch: 2),
    ]
    let found = faultMetrics(trial)[0]
    #expect(found.detection == .milliseconds(200) && found.election == .milliseconds(250))
  }

  @Test("A fault that changes no leader has neither detection nor election")
  func harmless() {
    var trial = steady(until: 5_000, faults: [fault(2_000, nil), fault(4_000, 4_500)])
    trial.leadership = [
      LeadershipSample(timeNs: 0, leader: 1, epoch: 1),
      LeadershipSample(timeNs: 4_200 * ms, leader: 2, epoch: 2),
    ]
    let found = faultMetrics(trial)
    #expect(found[0].detection == nil && found[0].election == nil)
    #expect(found[1].detection == .milliseconds(200) && found[1].election == .milliseconds(200))
  }
}
