/// Two random words that make the hashes of one process unpredictable. Without a secret, clients
/// could choose keys that all collide, on every replica alike, and each lookup would then pass all
/// of them. A process that accepts keys from untrusted clients draws a secret.
public struct FlatHashSecret: Equatable, Sendable {
  public let addend: UInt64
  /// Odd, so that the lower half of a product is a permutation of the factor, and its upper bits
  /// collide as rarely as random bits.
  public let multiplier: UInt64

  public init(_ addend: UInt64, _ multiplier: UInt64) {
    self.addend = addend
    self.multiplier = multiplier | 1
  }

  /// A public constant for simulations, tests, and tables whose keys clients cannot choose.
  public static let known = FlatHashSecret(0xA076_1D64_78BD_642F, 0xE703_7ED1_A0B4_28DB)

  /// Mixes one word so that each of its bits affects the upper half.
  public func mix(_ word: UInt64) -> UInt64 {
    let product = (word ^ addend).multipliedFullWidth(by: multiplier)
    return product.high ^ product.low
  }
}
