import Environments
import Faults
import Primitives
import Replication

/// Messages that do not get through: over TCP they come late, as datagrams they are lost.
extension NetworkState {
  /// The fate of a message on a link that lets none through; nil if the link does. A partition cuts
  /// a link, and over TCP the messages behind those that wait for its end wait as well.
  @inline(__always)
  func fateIfCut(_ link: Link) -> Fate? {
    guard link.isCut || link.heldSince != nil else { return nil }
    return isTCP ? .held : .lost
  }

  /// The delay over TCP of a message that the network lost; `nil` if the message never arrives.
  ///
  /// The first retransmission follows one round trip later, because the acknowledgements of later
  /// segments show the gap; after that a timer decides, which doubles each time.
  @inline(__always)
  mutating func lossDelay(_ path: Path, _ draws: inout MessageDraws) -> Interval? {
    guard path.loss > 0 else { return .zero }
    return lossDelayOfLossy(path, &draws)
  }

  private mutating func lossDelayOfLossy(_ path: Path, _ draws: inout MessageDraws) -> Interval? {
    var delay = Interval.zero
    var loss = path.loss
    var timer = model.retransmission.lowerBound
    let roundTrip = max(path.roundTrip + path.extra * 2, .nanoseconds(1))
    while draws.chance(loss) {
      guard isTCP else { return nil }
      if delay == .zero {
        delay = roundTrip
      } else {
        delay += roundTrip + timer
        timer = min(timer * 2, model.retransmission.upperBound)
      }
      guard delay < model.givesUpAfter else { return nil }
      // A fault may have ended when the segment is sent again.
      loss = path.ownLoss
      for degradation in degradations
      where degradation.until > path.sent.end + delay && path.isHit(by: degradation) {
        loss += degradation.loss
      }
    }
    return delay
  }
}
