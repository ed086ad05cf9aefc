import Replication

extension UnreplicatedServer {
  public func invariantViolation() -> String? {
    commitIndex <= lastIndex ? nil : "more is committed than is in the log"
  }
}

extension UnreplicatedServer {
  public var durableState: DurableState {
    DurableState(
      numbers: ["base": UInt64(base.rawValue)],
      log: log.map { DurableState.Entry(epoch: 1, batch: $0) })
  }
}
