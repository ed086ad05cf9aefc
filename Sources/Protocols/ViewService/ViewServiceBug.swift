import Replication

/// Known mistakes of an outside authority. They share the option `unsafeBug` with the mistakes of
/// the protocol that follows its views. A comment `Bug:` marks each place that makes one.
public enum ViewServiceBug: String, SwitchableBug {
  case leaseFromReceipt = "lease-from-receipt"
  case promoteUnestablished = "promote-unestablished"
  case pingWithoutQuorum = "ping-without-quorum"
  case adoptAgain = "adopt-again"
  case forgetfulMember = "forgetful-member"

  public var meaning: String {
    switch self {
    case .leaseFromReceipt:
      "A replica counts its lease from the receipt of the answer, not from the sending of the ping"
    case .promoteUnestablished:
      "A member of a view that was never established may be put in charge"
    case .pingWithoutQuorum:
      "The authority's leader answers pings without making sure that it still leads"
    case .adoptAgain:
      "A replica that restarts goes on in the view it had before, as if it had forgotten nothing"
    case .forgetfulMember:
      "A replica that has lost its disk goes on as a member, as if its log were there"
    }
  }
}
