import Primitives
import Replication
import Testing

@Suite("Election timeouts")
struct ElectionTimeoutTests {
  private let timeout = Interval.milliseconds(150)...Interval.milliseconds(300)

  @Test("A follower draws its timeout only when the leader has been silent for a while")
  func rest() {
    let half = Interval.milliseconds(75)
    #expect(timeout.rest(after: .zero) == half...half)
    #expect(timeout.rest(after: .milliseconds(74)) == half...half)
    #expect(timeout.rest(after: half) == half...Interval.milliseconds(225))
    #expect(
      timeout.rest(after: .milliseconds(149)) == Interval.milliseconds(
        1)...Interval.milliseconds(151)
    )
    #expect(timeout.rest(after: .milliseconds(150)) == nil)
  }

  /// As long as if every message of the leader had set the timer: 225 ms on average, and a quarter
  /// of the timeouts in each quarter of the range.
  @Test("A follower that looks now and then waits as long as one that sets its timer each time")
  func unbiased() {
    var random = RandomStream(seed: 1, label: 0)
    func draw(_ range: ClosedRange<Interval>) -> Interval {
      range.lowerBound
        + .nanoseconds(
          Int64(random.below(Int((range.upperBound - range.lowerBound).nanoseconds) + 1)))
    }
    var quarters = [0, 0, 0, 0]
    for _ in 1...20_000 {
      // The leader is heard every 10 ms until it stops.
      let beat = Interval.milliseconds(10)
      let stops = draw(.seconds(1)...Interval.seconds(2))
      let last = stops - .nanoseconds(stops.nanoseconds % beat.nanoseconds)
      var time = draw(timeout)
      while let rest = timeout.rest(after: time < last ? draw(.zero...beat) : time - last) {
        time = time + draw(rest)
      }
      let waited = time - last
      #expect(timeout.contains(waited))
      quarters[min(3, Int((waited - timeout.lowerBound).nanoseconds / 37_500_000))] += 1
    }
    // A fair share is 5,000 with a standard deviation of 61.
    for count in quarters { #expect(4_700...5_300 ~= count, "\(quarters)") }
  }
}
