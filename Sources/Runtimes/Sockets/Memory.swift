import CLinux

/// What the kernel does with memory of this process.
public enum Memory {
  /// Makes all pages of fresh memory resident in one system call.
  public static let populate: @Sendable (UnsafeMutableRawBufferPointer) -> Void = { bytes in
    linux_populate(bytes.baseAddress, Int64(bytes.count))
  }
}
