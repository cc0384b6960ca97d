def run(lab, names):
    return 0
