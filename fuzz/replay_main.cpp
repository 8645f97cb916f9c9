// Runs a fuzz target over the files of its folders, as an ordinary test: each file whole, and small
// ones cut too, at every byte or (--lines) at the end of every line; with --whole they are not. The
// first folder, the seeds, must be there; the others may be absent.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr std::size_t cut_size_max = 1024;
enum class Cut : std::uint8_t { bytes, lines, nowhere };

/// A block of the exact size, so that a read past its end is seen by the address sanitizer.
void run(const std::vector<char>& bytes, std::size_t size) {
    const auto block = std::make_unique<std::uint8_t[]>(size);
    std::transform(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size), block.get(),
                   [](char c) { return static_cast<std::uint8_t>(c); });
    LLVMFuzzerTestOneInput(block.get(), size);
}

std::size_t replay(const std::filesystem::path& folder, Cut cut) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        if (entry.is_regular_file()) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    for (const auto& file : files) {
        std::printf("%s\n", file.c_str());
        std::fflush(stdout);
        std::ifstream stream(file, std::ios::binary);
        const std::vector<char> bytes{std::istreambuf_iterator<char>(stream), {}};
        run(bytes, bytes.size());
        if (bytes.size() > cut_size_max || cut == Cut::nowhere) continue;
        for (std::size_t size = 0; size < bytes.size(); ++size)
            if (cut == Cut::bytes || bytes[size] == '\n') run(bytes, size);
    }
    return files.size();
}

}  // namespace

int main(int argc, char** argv) {
    std::size_t files = 0;
    Cut cut = Cut::bytes;
    int first = 1;
    for (; first < argc && argv[first][0] == '-'; ++first)
        cut = std::string_view(argv[first]) == "--lines" ? Cut::lines : Cut::nowhere;
    for (int i = first; i < argc; ++i)
        if (i == first || std::filesystem::is_directory(argv[i])) files += replay(argv[i], cut);
    std::printf("%zu files replayed\n", files);
    return files == 0 ? 1 : 0;
}
