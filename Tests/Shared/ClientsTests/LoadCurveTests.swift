import Clients
import Replication
import Testing

@Suite struct LoadCurveTests {
  private func phase(_ seconds: Int64, _ from: Double, _ to: Double) -> LoadCurve.Phase {
    LoadCurve.Phase(length: .seconds(seconds), from: from, to: to)
  }

  /// The times, in ms, at which the first `count` operations come due.
  private func times(_ curve: LoadCurve, _ count: Int) -> [Int] {
    var time = 0.0
    var times: [Int] = []
    for _ in 0..<count {
      guard let next = curve.timeNs(afterNs: time, count: 1) else { break }
      time = next
      times.append(Int((time / 1e6).rounded()))
    }
    return times
  }

  @Test("A phase has its rate, a pause has none, and the last rate stays")
  func steps() {
    let curve = LoadCurve(phases: [phase(1, 4, 4), phase(2, 0, 0), phase(1, 2, 2)], repeats: false)
    #expect(times(curve, 8) == [250, 500, 750, 3000, 3500, 4000, 4500, 5000])
    #expect(curve.count(until: .seconds(10)) == 4 + 0 + 2 + 12)
    #expect(curve.count(until: .milliseconds(3500)) == 5)
  }

  @Test("Repeated phases begin again, however long a gap is")
  func repeats() {
    let curve = LoadCurve(phases: [phase(1, 2, 2), phase(3, 0, 0)], repeats: true)
    #expect(times(curve, 5) == [500, 4000, 4500, 8000, 8500])
    #expect(curve.timeNs(afterNs: 0, count: 21) == 40.5e9)
    #expect(curve.count(until: .seconds(41)) == 22)
  }

  @Test("In a ramp an operation comes due when the integral of the rate reaches a whole number")
  func ramp() {
    // A ramp from 0/s to 10/s in 10 s has t²/2 operations after t seconds.
    let up = LoadCurve(phases: [phase(10, 0, 10)], repeats: false)
    for count in [1.0, 2, 8, 18, 49.5] {
      let time = up.timeNs(afterNs: 0, count: count) ?? 0
      #expect(abs(time / 1e9 - (2 * count).squareRoot()) < 1e-9)
      // Two steps give the same time as one.
      let half = up.timeNs(afterNs: 0, count: count / 2) ?? 0
      #expect(abs((up.timeNs(afterNs: half, count: count / 2) ?? 0) - time) < 10)
    }
    #expect(up.count(until: .seconds(4)) == 8)
    let down = LoadCurve(phases: [phase(10, 10, 0)], repeats: false)
    #expect(abs((down.timeNs(afterNs: 0, count: 25) ?? 0) / 1e9 - (10 - 50.0.squareRoot())) < 1e-6)
    // No operation comes due after the rate has reached zero.
    #expect(down.timeNs(afterNs: 0, count: 51) == nil)
    #expect(LoadCurve(phases: [phase(1, 0, 0)], repeats: true).timeNs(afterNs: 0, count: 1) == nil)
  }
}
