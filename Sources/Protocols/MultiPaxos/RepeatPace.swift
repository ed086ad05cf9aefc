/// How often something is sent again that stays unanswered: the first two times whenever the timer fires, then
/// after pauses of 2, 4 and at most `longestPause` firings.
///
/// A receiver that is slow and not deaf has the first copy still before it. Copies at a fixed rate can take
/// all of its time, and it then answers nothing any more.
struct RepeatPace: Sendable {
  static let longestPause = 8

  /// Firings that are still to be left out, and how many the next pause will have.
  private var left = 0
  private var pause = 1

  /// The timer has fired.
  /// - Returns: whether to send again.
  mutating func isDue() -> Bool {
    guard left == 0 else {
      left -= 1
      return false
    }
    left = pause - 1
    pause = min(pause * 2, RepeatPace.longestPause)
    return true
  }

  /// There was an answer: the next firing sends again.
  mutating func reset() { self = RepeatPace() }
}
