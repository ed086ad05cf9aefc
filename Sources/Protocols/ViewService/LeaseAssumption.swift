import Replication

extension ProtocolDescription {
  /// The assumption of a protocol under the authority of this module.
  public static var leases: String {
    "Reads rest on leases: while a failureTimeout passes, the timers of a replica and of the "
      + "authority differ by less than a fifth of it"
  }
}
