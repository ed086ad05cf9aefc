import Environments
import Primitives
import Replication

/// Over TCP: links that let no messages through.
extension NetworkState {
  public func position(from: Int, to: Int) -> Int { from * nodeCount + to }

  /// Records that a message waits on a link.
  /// - Returns: false if too many bytes wait there already.
  public mutating func hold(_ bytes: Int, on link: Int, since departure: Instant, most: Int) -> Bool
  {
    guard links[link].heldBytes + bytes <= most else { return false }
    links[link].heldBytes += bytes
    links[link].heldSince = links[link].heldSince ?? departure
    return true
  }

  /// When the link retransmits its waiting messages; `nil` if there are none, or the link is cut.
  ///
  /// A timer decides, which starts with the first waiting message and doubles each time. A
  /// connection that is given up earlier is replaced by a new one at once.
  public func retransmission(of link: Int, from now: Instant) -> Instant? {
    guard let since = links[link].heldSince, !links[link].isCut else { return nil }
    var timer = model.retransmission.lowerBound
    var time = since
    while time < now {
      time += links[link].roundTrip + timer
      timer = min(timer * 2, model.retransmission.upperBound)
    }
    return min(time, max(now, since + model.givesUpAfter))
  }

  /// Ends the waiting on a link that lets messages through again.
  /// - Returns: whether the connection is still the one on which the waiting messages were sent;
  ///   `nil` if no messages wait, or the link is cut.
  public mutating func release(_ link: Int, at now: Instant) -> Bool? {
    guard let since = links[link].heldSince, !links[link].isCut else { return nil }
    links[link].heldSince = nil
    links[link].heldBytes = 0
    return now - since < model.givesUpAfter
  }
}
