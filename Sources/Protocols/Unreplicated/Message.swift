import Replication

extension UnreplicatedServer {
  public enum Message: Equatable, Sendable {
    /// From the server to itself: everything up to the index is durable.
    case durable(LogIndex)
  }
}
