import Environments
import Replication

/// Over TCP: links that do not get through.
extension NetworkState {
  public func position(from: Int, to: Int) -> Int { from * nodeCount + to }

  /// Notes that a message waits on a link.
  /// - Returns: false if too much waits there already.
  public mutating func hold(_ bytes: Int, on link: Int, since departure: Int64, most: Int) -> Bool {
    guard links[link].heldBytes + bytes <= most else { return false }
    links[link].heldBytes += bytes
    links[link].heldSince = links[link].heldSince ?? departure
    return true
  }

  /// When the link sends again what waits there; `nil` if nothing waits, or the link is cut.
  ///
  /// A timer decides, which began with the first message that waits and doubles each time. A
  /// connection that is given up before is replaced by a new one at once.
  public func retransmission(of link: Int, from now: Int64) -> Int64? {
    guard let since = links[link].heldSince, !links[link].isCut else { return nil }
    var timer = model.retransmission.lowerBound.nanoseconds
    var time = since
    while time < now {
      time += links[link].roundTrip + timer
      timer = min(timer * 2, model.retransmission.upperBound.nanoseconds)
    }
    return min(time, max(now, since + model.givesUpAfter.nanoseconds))
  }

  /// The link gets through.
  /// - Returns: whether the connection is still the one on which the messages that wait were sent;
  ///   `nil` if none wait, or the link is cut.
  public mutating func release(_ link: Int, at now: Int64) -> Bool? {
    guard let since = links[link].heldSince, !links[link].isCut else { return nil }
    links[link].heldSince = nil
    links[link].heldBytes = 0
    return now - since < model.givesUpAfter.nanoseconds
  }
}
