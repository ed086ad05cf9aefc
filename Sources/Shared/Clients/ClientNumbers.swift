import Replication

/// The ranges of the numbers of a trial's clients. Clients of the load come first. No trial has
/// more than `mostOfLoad` of them, so that the other ranges do not depend on their number.
public enum ClientNumbers {
  public static let mostOfLoad = 100_000
  public static let firstProbe = mostOfLoad
  /// The first of the clients that read back the final state after a trial.
  public static let firstReader = 1_000_000

  /// Whether a client of a simulated trial is one of the load, and neither sends probes nor reads
  /// back the final state.
  @inlinable
  public static func isOfLoad(_ client: ClientID) -> Bool {
    client.rawValue < UInt64(firstProbe)
  }
}
