/// What tells the hash tables of one process from those of all others. Without it, keys can be
/// chosen that fall into one place of a table: each is looked for behind all others then, on every
/// replica alike. A process that takes keys from strangers draws one.
public struct FlatHashSecret: Equatable, Sendable {
  public let addend: UInt64
  /// Odd: then a product's lower half is a permutation, and its upper bits hit each other as rarely
  /// as drawn ones.
  public let multiplier: UInt64

  public init(_ addend: UInt64, _ multiplier: UInt64) {
    self.addend = addend
    self.multiplier = multiplier | 1
  }

  /// Known to everybody: for simulations, tests, and tables of keys that nobody chooses.
  public static let known = FlatHashSecret(0xA076_1D64_78BD_642F, 0xE703_7ED1_A0B4_28DB)

  /// Mixes one word so that every bit of it reaches the upper half.
  public func mix(_ word: UInt64) -> UInt64 {
    let product = (word ^ addend).multipliedFullWidth(by: multiplier)
    return product.high ^ product.low
  }
}
