// Nothing but the whole core, all that it exports kept, so that it can be weighed: ./dev sizes.
int main() {}
