/// Where the numbers of a trial's clients begin. Clients of the load come first, and no trial has
/// more than `mostOfLoad` of them, so that the others' numbers do not depend on how many there are.
public enum ClientNumbers {
  public static let mostOfLoad = 100_000
  public static let firstProbe = mostOfLoad
  /// Those that read back what is there after a trial.
  public static let firstReader = 1_000_000
}
